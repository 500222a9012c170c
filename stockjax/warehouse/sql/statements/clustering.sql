-- name: storage_order
SELECT run_after, sorted_through FROM storage_order WHERE table_name = $name;

-- name: update_storage_order
UPDATE storage_order SET run_after = $run_after, sorted_through = $sorted_through WHERE table_name = $name;

-- name: unsorted_forecasts
-- Rows since the last sorting, rows of the run that they would be sorted with, and the newest of them.
SELECT count(*) FILTER (WHERE created_at > $sorted_through), count(*), max(created_at)
FROM forecasts
WHERE created_at > $run_after;

-- name: unsorted_prices
-- Rows since the last sorting, rows of the run that they would be sorted with, and the newest of them.
SELECT count(*) FILTER (WHERE fetched_at > $sorted_through), count(*), max(fetched_at)
FROM prices
WHERE fetched_at > $run_after;

-- name: years_of_forecasts
SELECT DISTINCT year(as_of) FROM forecasts WHERE created_at > $run_after ORDER BY ALL;

-- name: years_of_prices
SELECT DISTINCT year(session) FROM prices WHERE fetched_at > $run_after ORDER BY ALL;

-- name: stage_run_of_forecasts
CREATE OR REPLACE TEMP TABLE run AS
FROM forecasts WHERE created_at > $run_after AND as_of BETWEEN make_date($year, 1, 1) AND make_date($year, 12, 31);

-- name: stage_run_of_prices
CREATE OR REPLACE TEMP TABLE run AS
FROM prices WHERE fetched_at > $run_after AND session BETWEEN make_date($year, 1, 1) AND make_date($year, 12, 31);

-- name: delete_run_of_forecasts
DELETE FROM forecasts
WHERE created_at > $run_after AND as_of BETWEEN make_date($year, 1, 1) AND make_date($year, 12, 31);

-- name: delete_run_of_prices
DELETE FROM prices
WHERE fetched_at > $run_after AND session BETWEEN make_date($year, 1, 1) AND make_date($year, 12, 31);

-- name: insert_run_of_forecasts
INSERT INTO forecasts FROM run ORDER BY ticker, as_of, model, origin;

-- name: insert_run_of_prices
INSERT INTO prices FROM run ORDER BY ticker, session;
