-- name: forecasts_table
-- The newest forecasts from sessions up to $until; those of tickers that ended before are left out.
SELECT ticker, as_of, target, model, origin, basis_close, predicted_close, predicted_return, scale, q05, q25, q50, q75, q95
FROM forecasts
WHERE origin IN ('nightly', 'catchup') AND as_of <= $until AND list_contains($tickers, ticker)
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC) = 1
    AND as_of > max(as_of) OVER () - 7
ORDER BY ticker, model;

-- name: scores_table
-- Where the 63-session metrics of every ticker and model stand, of the origin with most to show.
WITH newest AS (
    SELECT *
    FROM rolling_metrics
    WHERE window_sessions = 63 AND session <= $until AND list_contains($tickers, ticker)
    QUALIFY row_number() OVER (PARTITION BY ticker, model, origin ORDER BY session DESC) = 1
)
SELECT *
FROM newest
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY n DESC, session DESC) = 1
ORDER BY ticker, model;

-- name: latest_forecasts_table
FROM latest_forecasts ORDER BY ticker, model;

-- name: report_session
-- The newest session that a night has forecast from, or $as_of if one has; whether it is the newest.
SELECT as_of, as_of = (SELECT max(as_of) FROM newest_forecasts) AS newest
FROM forecasts
WHERE origin IN ('nightly', 'catchup') AND as_of = coalesce($as_of::DATE, (SELECT max(as_of) FROM newest_forecasts))
LIMIT 1;

-- name: report_forecasts
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

-- name: report_leaderboard
FROM leaderboard_on($as_of);

-- name: report_series
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

-- name: report_states
SELECT ticker, state, reason
FROM tickers
SEMI JOIN (SELECT unnest($tickers) AS ticker) AS asked USING (ticker)
WHERE reason IS NOT NULL
ORDER BY list_position(['failed', 'delisted', 'stale', 'too_short', 'active'], state), ticker;

-- name: report_tickers
-- Whom the nights had forecast beyond $as_of, or beyond what was still open when the night of $as_of forecast it.
SELECT DISTINCT ticker
FROM forecasts
LEFT JOIN runs USING (run_id)
WHERE origin IN ('nightly', 'catchup')
    AND forecasts.as_of <= $as_of AND forecasts.as_of > $as_of::DATE - 30
    AND (target > $as_of OR (target = $as_of AND runs.as_of = $as_of))
ORDER BY ticker;

-- name: ticker_history
-- One outcome per session, in the units of today's closes: a forecast written in time counts before
-- one written late, and that before one that was replayed.
SELECT
    outcome_session AS target, origin, basis_close * unit AS basis_close, predicted_close * unit AS predicted_close,
    q05 * unit AS q05, q95 * unit AS q95, actual_close * unit AS actual_close, return_error, inside_50, inside_90
FROM (SELECT *, restated_units AS unit FROM scored_forecasts WHERE ticker = $ticker AND model = $model)
QUALIFY row_number() OVER (PARTITION BY outcome_session ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)) = 1
ORDER BY outcome_session DESC
LIMIT $sessions;

-- name: ticker_newest
SELECT target, origin, basis_close, predicted_close, q05, q25, q75, q95, scale
FROM latest_forecasts
WHERE ticker = $ticker AND model = $model;

-- name: ticker_scores
-- Where a ticker's metrics stand: of every model and window the newest, of the origin with most to show.
SELECT model, window_sessions, origin, session, n, rmse, rmse_skill, mae_skill, pinball_skill, coverage_50, coverage_90
FROM rolling_metrics
WHERE ticker = $ticker
QUALIFY row_number() OVER (PARTITION BY model, window_sessions ORDER BY session DESC, n DESC) = 1
ORDER BY list_position(['lstm', 'har', 'ewma', 'random_walk'], model), window_sessions;
