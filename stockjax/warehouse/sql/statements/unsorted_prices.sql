-- Rows since the last sorting, rows of the run that they would be sorted with, and the newest of them.
SELECT count(*) FILTER (WHERE fetched_at > $sorted_through), count(*), max(fetched_at)
FROM prices
WHERE fetched_at > $run_after;
