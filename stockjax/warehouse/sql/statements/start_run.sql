INSERT INTO runs BY NAME
SELECT $run_id AS run_id, $flow_run_id AS flow_run_id, $flow AS flow, $as_of AS as_of,
    $started_at AS started_at, 'running' AS status, $code_version AS code_version, $environment AS environment;
