-- One outcome per session, in the units of today's closes: a forecast written in time counts before
-- one written late, and that before one that was replayed.
SELECT
    outcome_session AS target, origin, basis_close * unit AS basis_close, predicted_close * unit AS predicted_close,
    q05 * unit AS q05, q95 * unit AS q95, actual_close * unit AS actual_close, return_error, inside_50, inside_90
FROM (SELECT *, restated_units AS unit FROM scored_forecasts WHERE ticker = $ticker AND model = $model)
QUALIFY row_number() OVER (PARTITION BY outcome_session ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)) = 1
ORDER BY outcome_session DESC
LIMIT $sessions;
