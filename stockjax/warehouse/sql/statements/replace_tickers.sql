INSERT INTO tickers BY NAME
SELECT states.*, $updated_at AS updated_at, $run_id AS run_id FROM states ORDER BY ticker;
