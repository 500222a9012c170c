-- Whom the nights had forecast beyond $as_of, or beyond what was still open when the night of $as_of forecast it.
SELECT DISTINCT ticker
FROM forecasts
LEFT JOIN runs USING (run_id)
WHERE origin IN ('nightly', 'catchup')
    AND forecasts.as_of <= $as_of AND forecasts.as_of > $as_of::DATE - 30
    AND (target > $as_of OR (target = $as_of AND runs.as_of = $as_of))
ORDER BY ticker;
