-- From when on a ticker's nights are the scheduler's, and not a replay.
SELECT ticker, min(as_of)
FROM forecasts
WHERE origin IN ('nightly', 'catchup') AND ticker IN (SELECT unnest($tickers))
GROUP BY ticker;
