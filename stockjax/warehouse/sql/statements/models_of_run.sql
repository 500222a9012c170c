-- The networks that a run forecast with, from the session that it was about; the replay's are not among them.
SELECT DISTINCT forecasts.model_id
FROM forecasts
JOIN runs USING (run_id)
WHERE forecasts.run_id = $run_id AND forecasts.origin <> 'backtest' AND forecasts.model_id IS NOT NULL
QUALIFY rank() OVER (PARTITION BY forecasts.ticker ORDER BY forecasts.as_of DESC) = 1
ORDER BY forecasts.model_id;
