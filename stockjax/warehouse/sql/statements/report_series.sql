-- What charts draw: of every ticker its outcomes up to $as_of, in the units of today's closes, and where its
-- rolling errors stood. One outcome per session: a forecast written in time counts before one written late,
-- and that before one that was replayed.
WITH asked AS (SELECT unnest($tickers) AS ticker),
outcomes AS (
    SELECT
        ticker, outcome_session AS target, origin, actual_close * unit AS actual_close, predicted_close * unit AS predicted_close,
        q05 * unit AS q05, q25 * unit AS q25, q50 * unit AS q50, q75 * unit AS q75, q95 * unit AS q95, return_error
    FROM (SELECT *, restated_units AS unit FROM scored_forecasts)
    SEMI JOIN asked USING (ticker)
    WHERE model = 'lstm' AND outcome_session <= $as_of
        AND outcome_session > $as_of::DATE - (2 * $sessions + 30)::INTEGER
    QUALIFY row_number() OVER (PARTITION BY ticker, outcome_session ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)) = 1
        AND dense_rank() OVER (PARTITION BY ticker ORDER BY outcome_session DESC) <= $sessions
),
standing AS (
    SELECT ticker, model, session, return_rmse, return_mae
    FROM rolling_metrics
    SEMI JOIN asked USING (ticker)
    WHERE window_sessions = 63 AND n >= 21 AND model IN ('lstm', 'random_walk') AND session <= $as_of
        AND session > $as_of::DATE - (2 * $sessions + 30)::INTEGER
    QUALIFY row_number() OVER (
        PARTITION BY ticker, model, session ORDER BY n DESC, list_position(['nightly', 'catchup', 'backtest'], origin)
    ) = 1
),
rolling AS (
    SELECT
        ticker, session AS target,
        any_value(return_rmse) FILTER (WHERE model = 'lstm') AS rmse,
        any_value(return_mae) FILTER (WHERE model = 'lstm') AS mae,
        any_value(return_rmse) FILTER (WHERE model = 'random_walk') AS walk_rmse,
        any_value(return_mae) FILTER (WHERE model = 'random_walk') AS walk_mae
    FROM standing
    GROUP BY ticker, session
)
SELECT outcomes.*, rmse, mae, walk_rmse, walk_mae
FROM outcomes
LEFT JOIN rolling USING (ticker, target)
ORDER BY ticker, target;
