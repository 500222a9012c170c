-- How many models have forecast each session: the plan skips what is complete.
SELECT ticker, as_of, count(DISTINCT model) AS models
FROM forecasts
WHERE ticker IN (SELECT unnest($tickers)) AND as_of BETWEEN $first AND $last
    AND list_contains($origins, origin)
GROUP BY ticker, as_of;
