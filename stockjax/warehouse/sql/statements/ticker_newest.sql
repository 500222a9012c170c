SELECT target, origin, basis_close, predicted_close, q05, q25, q75, q95, scale
FROM latest_forecasts
WHERE ticker = $ticker AND model = $model;
