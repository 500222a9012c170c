-- Where was the forecast furthest off, measured in its own scale?
SELECT ticker, target, predicted_close, actual_close, return_error / scale AS scales_off
FROM scored_forecasts
WHERE model = 'lstm'
ORDER BY abs(return_error / scale) DESC
LIMIT 10;
