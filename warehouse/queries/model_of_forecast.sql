-- Which model made the forecasts of one ticker, since when was it active, and why?
SELECT
    f.as_of, f.target, f.origin, f.model_id, models.trained_through, start.since AS in_force_since, start.cause,
    start.changed_at AS settled_at, models.status AS status_now
FROM forecasts AS f
LEFT JOIN models USING (model_id)
-- What was settled after the forecast did not make it; models of backtests were never active.
LEFT JOIN model_starts AS start
    ON start.model_id = f.model_id AND f.origin <> 'backtest' AND start.since <= f.as_of AND start.changed_at <= f.created_at
WHERE f.model = 'lstm' AND f.ticker = coalesce(getvariable('ticker'), 'AAPL')
    AND (getvariable('session') IS NULL OR f.as_of = getvariable('session')::DATE)
QUALIFY row_number() OVER (PARTITION BY f.as_of, f.origin ORDER BY start.since DESC, start.changed_at DESC, start.change DESC) = 1
ORDER BY f.as_of DESC, f.origin
LIMIT coalesce(getvariable('rows')::INTEGER, 20);
