SELECT run_id, flow, as_of, status, environment, started_at
FROM runs
WHERE run_id = $run_id OR (len($run_id) >= 6 AND starts_with(run_id, $run_id));
