-- What is forecast for the next session, and how wide are the honest intervals?
SELECT ticker, as_of, target, basis_close, predicted_close, q05, q25, q75, q95, scale
FROM latest_forecasts
WHERE model = coalesce(getvariable('model'), 'lstm')
ORDER BY ticker;
