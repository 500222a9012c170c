-- The forecasts that were ahead at the close of $as_of. Those of an exchange that did not trade then are older.
SELECT
    ticker, as_of, target, origin, fallback, basis_close, predicted_close, predicted_return, scale,
    q05, q25, q50, q75, q95
FROM forecasts
SEMI JOIN (SELECT unnest($tickers) AS ticker) AS asked USING (ticker)
WHERE model = 'lstm' AND origin IN ('nightly', 'catchup')
    AND as_of <= $as_of AND target > $as_of AND as_of > $as_of::DATE - 30
QUALIFY row_number() OVER (PARTITION BY ticker ORDER BY as_of DESC, origin = 'nightly' DESC) = 1
ORDER BY ticker;
