-- Whom the nights had forecast beyond $as_of.
SELECT DISTINCT ticker
FROM forecasts
WHERE origin IN ('nightly', 'catchup') AND as_of <= $as_of AND target > $as_of AND as_of > $as_of::DATE - 30
ORDER BY ticker;
