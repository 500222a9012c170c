-- The forecasts of the network after whose session prices of the ticker are known.
WITH newest AS (SELECT ticker, max(session) AS session FROM prices GROUP BY ticker)
SELECT DISTINCT forecasts.as_of, forecasts.ticker
FROM forecasts
JOIN prices AS basis ON basis.ticker = forecasts.ticker AND basis.session = forecasts.as_of
JOIN newest ON newest.ticker = forecasts.ticker AND newest.session > forecasts.as_of
WHERE forecasts.model = 'lstm' AND (len($tickers) = 0 OR forecasts.ticker IN (SELECT unnest($tickers)))
ORDER BY forecasts.as_of, forecasts.ticker;
