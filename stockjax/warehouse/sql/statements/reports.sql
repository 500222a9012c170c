-- name: newest_session
SELECT max(as_of)
FROM forecasts
SEMI JOIN (SELECT unnest($tickers::VARCHAR[]) AS ticker) AS asked USING (ticker)
WHERE origin IN ('nightly', 'catchup') AND as_of <= $until;

-- name: forecasts_table
-- The newest forecasts from sessions up to $newest; those of tickers that ended before are left out. The session is
-- a parameter, for of what a subquery finds DuckDB does not know which parts of the ledger need not be read.
SELECT ticker, as_of, target, model, origin, basis_close, predicted_close, predicted_return, scale, q05, q25, q50, q75, q95
FROM forecasts
SEMI JOIN (SELECT unnest($tickers::VARCHAR[]) AS ticker) AS asked USING (ticker)
WHERE origin IN ('nightly', 'catchup') AND as_of <= $newest AND as_of > $newest::DATE - 7
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC) = 1
ORDER BY ticker, model;

-- name: scores_table
-- Where the 63-session metrics of every ticker and model stand, of the origin with most to show.
WITH asked AS (SELECT unnest($tickers::VARCHAR[]) AS ticker),
-- Keys first: of years of metrics no other column is read.
newest AS (
    SELECT ticker, model, origin, max(session) AS session
    FROM rolling_metrics
    SEMI JOIN asked USING (ticker)
    WHERE window_sessions = 63 AND session <= $until
    GROUP BY ticker, model, origin
)
SELECT rolling_metrics.*
FROM rolling_metrics
SEMI JOIN newest USING (ticker, model, origin, session)
WHERE window_sessions = 63
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY n DESC, session DESC) = 1
ORDER BY ticker, model;

-- name: latest_forecasts_table
-- With the next announcement of each ticker, and whether the target reacts to it.
WITH next AS (
    SELECT ticker, date AS report_date, timing AS report_timing, status AS report_status, reacts_next AS reaction
    FROM upcoming_events
    QUALIFY row_number() OVER (PARTITION BY ticker ORDER BY reaction, exact DESC) = 1
)
SELECT latest_forecasts.*, report_date, report_timing, report_status, coalesce(next.reaction, false) AS reaction
FROM latest_forecasts
LEFT JOIN next ON next.ticker = latest_forecasts.ticker
ORDER BY latest_forecasts.ticker, model;

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
    forecasts.ticker, forecasts.as_of, target, origin, fallback, reactions.ticker IS NOT NULL AS reaction, basis_close, predicted_close, predicted_return, scale,
    q05, q25, q50, q75, q95
FROM forecasts
SEMI JOIN (SELECT unnest($tickers) AS ticker) AS asked USING (ticker)
LEFT JOIN runs USING (run_id)
LEFT JOIN (SELECT ticker, reaction FROM reactions) AS reactions
    ON reactions.ticker = forecasts.ticker AND reactions.reaction = forecasts.target
WHERE model = 'lstm' AND origin IN ('nightly', 'catchup')
    AND forecasts.as_of <= $as_of AND forecasts.as_of > $as_of::DATE - 30
    AND (target > $as_of OR (target = $as_of AND runs.as_of = $as_of))
QUALIFY row_number() OVER (PARTITION BY forecasts.ticker ORDER BY forecasts.as_of DESC, origin = 'nightly' DESC) = 1
ORDER BY forecasts.ticker;

-- name: report_leaderboard
FROM leaderboard_on($as_of);

-- name: report_series
-- What charts draw: of every ticker its outcomes up to $as_of, in the units of today's closes, and where its
-- rolling errors stood. One outcome per session: a forecast written in time counts before one written late,
-- and that before one that was replayed.
WITH asked AS (SELECT unnest($tickers) AS ticker),
outcomes AS (
    SELECT
        ticker, outcome_session AS target, origin, reaction, actual_close * unit AS actual_close,
        predicted_close * unit AS predicted_close,
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

-- name: next_reports
-- The next announcement of each ticker as it was known at the close of $as_of, with the reaction that is usual for
-- it, and the width of the interval that was forecast then against its usual one.
WITH asked AS (SELECT unnest($tickers) AS ticker),
newest AS (
    SELECT *
    FROM events
    SEMI JOIN asked USING (ticker)
    WHERE known_from <= $as_of
    QUALIFY row_number() OVER (
        PARTITION BY announcement_id
        ORDER BY known_from DESC, known_at DESC, recorded_at DESC, status = 'reported' DESC, rowid DESC
    ) = 1
),
made AS (SELECT ticker, kind, max(date) AS date FROM newest WHERE status = 'reported' GROUP BY ALL),
forecast AS (
    SELECT ticker, as_of, target, ln(q95 / q05) AS width
    FROM forecasts
    SEMI JOIN asked USING (ticker)
    WHERE model = 'lstm' AND as_of <= $as_of AND as_of > $as_of::DATE - 92
    QUALIFY row_number() OVER (
        PARTITION BY ticker, as_of ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)
    ) = 1
),
widths AS (
    SELECT ticker, arg_max(target, as_of) AS target, arg_max(width, as_of) AS width_90, median(width) AS usual_width_90
    FROM forecast
    GROUP BY ticker
),
moves AS (
    SELECT
        prices.ticker, session,
        abs(ln(adj_close / lag(adj_close) OVER (PARTITION BY prices.ticker ORDER BY session))) AS move
    FROM prices
    SEMI JOIN made ON made.ticker = prices.ticker
    WHERE session <= $as_of
),
past AS (
    SELECT moves.ticker, avg(move) AS usual_reaction, count(*) AS reactions
    FROM moves
    JOIN newest ON newest.ticker = moves.ticker AND newest.reaction = moves.session AND newest.status = 'reported'
    GROUP BY moves.ticker
)
SELECT
    newest.ticker, newest.kind, newest.date, newest.timing, newest.reaction, newest.status, newest.exact, newest.source,
    widths.target, newest.reaction = widths.target AND newest.exact = 1 AS reacts_next,
    widths.width_90, widths.usual_width_90, past.usual_reaction, past.reactions
FROM newest
LEFT JOIN made ON made.ticker = newest.ticker AND made.kind = newest.kind
LEFT JOIN widths ON widths.ticker = newest.ticker
LEFT JOIN past ON past.ticker = newest.ticker
WHERE newest.status IN ('scheduled', 'estimated', 'assumed', 'projected', 'reported') AND newest.reaction > $as_of
    AND (newest.status = 'reported' OR made.date IS NULL OR newest.date > made.date)
QUALIFY row_number() OVER (PARTITION BY newest.ticker ORDER BY newest.reaction, newest.exact DESC) = 1
ORDER BY newest.ticker;
