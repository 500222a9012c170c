-- Alarms of one night; the universe first, then the tickers that were asked for.
SELECT scope, ticker, monitor, session, direction, evidence, threshold
FROM drift
WHERE alarm AND as_of = $as_of AND session >= $as_of - INTERVAL 7 DAY
    AND (ticker IS NULL OR list_contains($tickers, ticker))
ORDER BY scope DESC, monitor, ticker;
