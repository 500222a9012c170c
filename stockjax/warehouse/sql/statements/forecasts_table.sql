-- The newest forecasts from sessions up to $until; those of tickers that ended before are left out.
SELECT ticker, as_of, target, model, origin, basis_close, predicted_close, predicted_return, scale, q05, q25, q50, q75, q95
FROM forecasts
WHERE origin IN ('nightly', 'catchup') AND as_of <= $until AND list_contains($tickers, ticker)
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC) = 1
    AND as_of > max(as_of) OVER () - 7
ORDER BY ticker, model;
