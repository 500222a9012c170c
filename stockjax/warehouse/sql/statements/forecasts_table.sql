SELECT ticker, as_of, target, model, origin, basis_close, predicted_close, predicted_return, scale, q05, q25, q50, q75, q95
FROM latest_forecasts
WHERE list_contains($tickers, ticker)
ORDER BY ticker, model;
