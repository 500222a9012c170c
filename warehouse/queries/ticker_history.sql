-- How did the last forecasts of one ticker turn out?
SELECT ticker, model, target, origin, predicted_close, q05, q95, actual_close, return_error, inside_50, inside_90, pinball
FROM scored_forecasts
WHERE ticker = coalesce(getvariable('ticker'), 'AAPL') AND model = coalesce(getvariable('model'), 'lstm')
ORDER BY target DESC, origin
LIMIT coalesce(getvariable('rows')::INTEGER, 20);
