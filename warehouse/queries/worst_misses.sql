-- Where was the forecast furthest off, measured in its own scale?
SELECT ticker, target, origin, predicted_close, actual_close, q05, q95, return_error / scale AS scales_off
FROM scored_forecasts
WHERE model = coalesce(getvariable('model'), 'lstm')
    AND (getvariable('ticker') IS NULL OR ticker = getvariable('ticker'))
ORDER BY abs(return_error / scale) DESC
LIMIT coalesce(getvariable('rows')::INTEGER, 10);
