-- How many models have forecast each session: the plan skips what is complete.
SELECT ticker, as_of, count(DISTINCT model) AS models
FROM forecasts
WHERE list_contains($tickers, ticker) AND as_of BETWEEN $first AND $last
GROUP BY ticker, as_of;
