-- The forecasts that were ahead at the close of $as_of, the newest of each ticker. Those of an exchange that did
-- not trade then are older. So are those of one whose session of that date was still open when the night forecast
-- it, as of a market that never closes.
SELECT
    ticker, forecasts.as_of, target, origin, fallback, basis_close, predicted_close, predicted_return, scale,
    q05, q25, q50, q75, q95
FROM forecasts
SEMI JOIN (SELECT unnest($tickers) AS ticker) AS asked USING (ticker)
LEFT JOIN runs USING (run_id)
WHERE model = 'lstm' AND origin IN ('nightly', 'catchup')
    AND forecasts.as_of <= $as_of AND forecasts.as_of > $as_of::DATE - 30
    AND (target > $as_of OR (target = $as_of AND runs.as_of = $as_of))
QUALIFY row_number() OVER (PARTITION BY ticker ORDER BY forecasts.as_of DESC, origin = 'nightly' DESC) = 1
ORDER BY ticker;
