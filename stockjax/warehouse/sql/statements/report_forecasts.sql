SELECT ticker, as_of, target, origin, basis_close, predicted_close, predicted_return, scale, q05, q25, q75, q95
FROM forecasts
WHERE model = 'lstm' AND as_of = $as_of AND origin IN ('nightly', 'catchup') AND list_contains($tickers, ticker)
QUALIFY row_number() OVER (PARTITION BY ticker ORDER BY origin = 'nightly' DESC) = 1
ORDER BY ticker;
