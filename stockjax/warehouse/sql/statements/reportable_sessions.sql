SELECT as_of, list(DISTINCT ticker ORDER BY ticker) AS tickers
FROM forecasts
WHERE origin IN ('nightly', 'catchup')
GROUP BY as_of
ORDER BY as_of DESC;
