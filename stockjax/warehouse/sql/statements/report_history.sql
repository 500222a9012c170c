-- One outcome per session: a forecast written in time counts before one that was replayed.
SELECT ticker, target, actual_close * unit AS actual_close, predicted_close * unit AS predicted_close,
    q05 * unit AS q05, q25 * unit AS q25, q75 * unit AS q75, q95 * unit AS q95
FROM (SELECT *, restated_units AS unit FROM scored_forecasts)
WHERE model = 'lstm' AND target <= $as_of AND list_contains($tickers, ticker)
QUALIFY row_number() OVER (PARTITION BY ticker, target ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)) = 1
    AND dense_rank() OVER (PARTITION BY ticker ORDER BY target DESC) <= $sessions
ORDER BY ticker, target;
