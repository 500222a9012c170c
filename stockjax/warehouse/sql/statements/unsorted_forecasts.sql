-- Rows since the last sorting, rows of the run that they would be sorted with, and the newest of them.
SELECT count(*) FILTER (WHERE created_at > $sorted_through), count(*), max(created_at)
FROM forecasts
WHERE created_at > $run_after;
