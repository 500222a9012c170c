UPDATE runs SET finished_at = $finished_at, status = $status, as_of = $as_of, counts = $counts WHERE run_id = $run_id;
