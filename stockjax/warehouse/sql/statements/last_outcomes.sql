-- Of every ticker the newest forecast that has an outcome, beside it.
SELECT ticker, target, predicted_close * restated_units AS predicted_close, q05 * restated_units AS q05,
    q95 * restated_units AS q95, actual_close * restated_units AS actual_close, inside_90
FROM scored_forecasts
WHERE model = 'lstm' AND as_of > (SELECT max(as_of) FROM forecasts) - INTERVAL 30 DAY
QUALIFY row_number() OVER (
    PARTITION BY ticker ORDER BY target DESC, list_position(['nightly', 'catchup', 'backtest'], origin)
) = 1;
