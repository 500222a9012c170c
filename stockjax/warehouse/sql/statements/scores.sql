-- name: score_windows
SELECT window_sessions FROM metric_windows ORDER BY window_sessions;

-- name: mark_all_unscored
-- Other windows than the last time: everything is scored again.
INSERT INTO unscored SELECT ticker, min(session) FROM prices GROUP BY ticker;

-- name: delete_metric_windows
DELETE FROM metric_windows;

-- name: insert_metric_windows
INSERT INTO metric_windows SELECT unnest($windows);

-- name: first_unscored
SELECT min(first_session) FROM unscored;

-- name: stage_due_scores
-- Tickers whose scores have changed, since when, how many sessions that is, and the session before
-- it. Only prices from $floor on are read: an ordinary night is about the last few. A ticker has
-- gaps where the longest window reaches further back than $days before its newest session.
CREATE OR REPLACE TEMP TABLE due AS
WITH marked AS (
    SELECT ticker, min(first_session) AS first_session FROM unscored GROUP BY ticker
),
earliest AS (
    SELECT ticker, min(session) AS session FROM unit_changes GROUP BY ticker
),
recent AS (
    SELECT ticker, session FROM prices SEMI JOIN marked USING (ticker) WHERE session >= $floor
),
ends AS (
    SELECT ticker, max(session) AS newest FROM recent GROUP BY ticker
),
counted AS (
    SELECT
        marked.ticker, any_value(marked.first_session) AS first_session, any_value(ends.newest) AS newest,
        any_value(earliest.session) AS earliest,
        max(recent.session) FILTER (WHERE recent.session < marked.first_session) AS before,
        count(recent.session) FILTER (WHERE recent.session >= marked.first_session) AS sessions,
        count(recent.session) FILTER (WHERE recent.session > ends.newest - $days::INTEGER) AS near
    FROM marked
    LEFT JOIN ends USING (ticker)
    LEFT JOIN earliest USING (ticker)
    LEFT JOIN recent USING (ticker)
    GROUP BY marked.ticker
)
SELECT
    ticker, first_session, newest, sessions,
    coalesce(before, CASE WHEN earliest < first_session THEN earliest END, first_session) AS start,
    coalesce(earliest <= newest - $days::INTEGER, false) AND near < $longest AS has_gaps
FROM counted;

-- name: delete_late_outcomes
DELETE FROM late_outcomes USING due
WHERE late_outcomes.ticker = due.ticker AND late_outcomes.session >= due.first_session;

-- name: insert_late_outcomes
-- Targets without a price, of the tickers due, whose next price is among the sessions due. Every fetch asks for
-- the sessions before its first new one again, so that such a target was asked for with that next price.
INSERT INTO late_outcomes BY NAME
WITH passed AS (
    SELECT DISTINCT forecasts.ticker, target, due.first_session, due.start
    FROM forecasts
    JOIN due ON due.ticker = forecasts.ticker AND target >= due.start AND target < due.newest
    ANTI JOIN prices ON prices.ticker = forecasts.ticker AND prices.session = target AND prices.session >= $floor
    WHERE target >= $floor
)
SELECT passed.ticker, target, min(prices.session) AS session
FROM passed
JOIN prices ON prices.ticker = passed.ticker AND prices.session > target AND prices.session >= $floor
GROUP BY passed.ticker, target
HAVING min(prices.session) >= any_value(first_session)
ORDER BY passed.ticker, target;

-- name: delete_rolling_metrics
DELETE FROM rolling_metrics USING due
WHERE rolling_metrics.ticker = due.ticker AND rolling_metrics.session >= due.first_session;

-- name: delete_unit_changes
DELETE FROM unit_changes USING due WHERE unit_changes.ticker = due.ticker AND unit_changes.session >= due.first_session;

-- name: insert_unit_changes
-- A split of 2:1 halves close and leaves adj_close alone. Vendors that adjust close themselves show
-- no such jump. The smallest common split is 5:4; a dividend that moves the price as much is as
-- rare, and its units are taken for a split's.
INSERT INTO unit_changes BY NAME
WITH moves AS (
    SELECT
        prices.ticker, prices.session, due.first_session, prices.close,
        ln((lag(close) OVER by_session / close) * (adj_close / lag(adj_close) OVER by_session)) AS jump
    FROM prices
    JOIN due ON due.ticker = prices.ticker AND prices.session >= due.start
    WHERE prices.session >= $floor
    WINDOW by_session AS (PARTITION BY prices.ticker ORDER BY prices.session)
)
SELECT ticker, session, round(coalesce(jump, -ln(close)) * 2 ** 40) / 2 ** 40 AS log_change
FROM moves
WHERE session >= first_session AND (jump IS NULL OR abs(jump) > ln(1.2))
ORDER BY ticker, session;

-- name: score_macros
-- Numbers that sums add up exactly, in whatever order: multiples of 2^-70. Averages of a window are
-- then the same to the last bit, whether one session is scored or a whole history. What is larger than
-- 2^43 counts as that, so that no ticker's prices can overflow the sums of 1,260 sessions and stop
-- the scoring of all the others.
CREATE OR REPLACE TEMP MACRO fixed(x) AS CASE
    WHEN x < 2.0 ** 43 THEN (x * 2 ** 70)::HUGEINT
    WHEN x IS NOT NULL THEN (2.0 ** 113)::HUGEINT
END;

-- name: score_terms
-- The terms that each forecast of some tickers adds to the sums of a window: outcomes after one day and
-- up to another, forecasts from a first day on. Errors of money are in units of the ticker's first
-- close, so that a split changes nothing.
CREATE OR REPLACE TEMP MACRO score_terms(tickers, first, after, until) AS TABLE
WITH units AS (
    SELECT
        ticker, session AS since,
        coalesce(lead(session) OVER by_session, DATE '9999-12-31') AS ending,
        sum(log_change) OVER by_session AS log_units
    FROM unit_changes
    WINDOW by_session AS (PARTITION BY ticker ORDER BY session)
),
known AS MATERIALIZED (
    SELECT
        ticker, model, origin, as_of, error * restated_units AS error, abs(error) / actual_close AS relative,
        predicted_return, actual_return, return_error, pinball, winkler_90, width_90, inside_50, inside_90,
        outcome_session AS session, late
    FROM scored_forecasts
    WHERE ticker IN (SELECT unnest(tickers)) AND outcome_session > after AND outcome_session <= until
        AND as_of >= first AND as_of < until
),
benchmarks AS (
    SELECT
        ticker, as_of, origin,
        any_value(return_error) FILTER (WHERE model = 'random_walk') AS walk_error,
        any_value(pinball) FILTER (WHERE model = 'har') AS har_pinball
    FROM known
    WHERE model IN ('random_walk', 'har')
    GROUP BY ticker, as_of, origin
)
SELECT
    known.ticker, known.model, known.origin, known.session, 1 AS n,
    fixed((error * exp(log_units)) ** 2) AS square,
    fixed(abs(error * exp(log_units))) AS absolute,
    fixed(relative) AS relative,
    fixed(return_error ** 2) AS return_square,
    fixed(abs(return_error)) AS return_absolute,
    CASE WHEN walk_error IS NOT NULL THEN fixed(return_error ** 2) END AS paired_square,
    fixed(walk_error ** 2) AS walk_square,
    CASE WHEN walk_error IS NOT NULL THEN fixed(abs(return_error)) END AS paired_absolute,
    fixed(abs(walk_error)) AS walk_absolute,
    (predicted_return <> 0 AND actual_return <> 0)::INTEGER AS with_direction,
    (predicted_return <> 0 AND sign(predicted_return) = sign(actual_return))::INTEGER AS right_direction,
    fixed(pinball) AS pinball,
    CASE WHEN har_pinball IS NOT NULL THEN fixed(pinball) END AS paired_pinball,
    fixed(har_pinball) AS har_pinball,
    fixed(winkler_90) AS winkler_90,
    fixed(width_90) AS width_90,
    inside_50::INTEGER AS inside_50,
    inside_90::INTEGER AS inside_90,
    late::INTEGER AS late
FROM known
JOIN units ON units.ticker = known.ticker AND known.as_of >= units.since AND known.as_of < units.ending
LEFT JOIN benchmarks ON benchmarks.ticker = known.ticker AND benchmarks.as_of = known.as_of AND benchmarks.origin = known.origin;

-- name: due_tickers
-- Those with a few new sessions at the end are scored session by session, the others ticker by ticker.
SELECT ticker, newest, sessions, sessions <= $few AND NOT has_gaps AS at_the_end FROM due WHERE sessions > 0 ORDER BY ticker;

-- name: first_forecast
-- No forecast from before this day has its outcome after $after and up to $until: a target is at most 60 days
-- after the session that it is forecast from, and what found its outcome later than that is in late_outcomes.
SELECT least($after::DATE, min(target)) - 60 FROM late_outcomes WHERE session > $after AND session <= $until;

-- name: sum_scores_of_session
-- The sums of every window that ends at one session: $behind sessions before the newest one of
-- each ticker. Each forecast is read once; a longer window adds the older ones to the shorter.
CREATE OR REPLACE TEMP TABLE sums AS
WITH aged AS (
    SELECT prices.ticker, prices.session, row_number() OVER (PARTITION BY prices.ticker ORDER BY prices.session DESC) - 1 AS age
    FROM prices
    SEMI JOIN (SELECT unnest($tickers) AS ticker) AS chosen USING (ticker)
    WHERE prices.session > $after
),
buckets AS (
    SELECT age, list_min(list_filter($windows, lambda w: w > age - $behind)) AS bucket
    FROM range($behind, list_max($windows) + $behind) AS ages(age)
),
terms AS (
    SELECT found.*, bucket, age
    FROM score_terms($tickers, $first, $after, DATE '9999-12-31') AS found
    JOIN aged ON aged.ticker = found.ticker AND aged.session = found.session
    JOIN buckets USING (age)
),
bucketed AS (
    SELECT
        ticker, model, origin, bucket, max(session) FILTER (WHERE age = $behind) AS session,
        sum(COLUMNS(* EXCLUDE (ticker, model, origin, bucket, session, age))) AS "\0"
    FROM terms
    GROUP BY ticker, model, origin, bucket
)
SELECT
    ticker, model, origin, max(session) AS session, w AS window_sessions,
    sum(COLUMNS(* EXCLUDE (ticker, model, origin, bucket, session, w))) AS "\0"
FROM bucketed
JOIN unnest($windows) AS windows(w) ON bucket <= w
GROUP BY ticker, model, origin, w
-- A session without a forecast has no row of its own.
HAVING max(session) IS NOT NULL;

-- name: sum_scores_of_history
-- The sums of every window that ends at or after a ticker's first session due. A window is the last
-- w sessions of the ticker, so that a session without a forecast makes n smaller instead of
-- reaching further back.
CREATE OR REPLACE TEMP TABLE sums AS
WITH sessions AS (
    SELECT ticker, session, row_number() OVER (PARTITION BY ticker ORDER BY session) AS position
    FROM prices
    WHERE ticker IN (SELECT unnest($tickers))
),
firsts AS (
    SELECT sessions.ticker, min(position) AS first_position
    FROM sessions
    JOIN due ON due.ticker = sessions.ticker AND sessions.session >= due.first_session
    GROUP BY sessions.ticker
),
placed AS (
    SELECT terms.*, position, first_position
    FROM score_terms($tickers, DATE '0001-01-01', DATE '0001-01-01', DATE '9999-12-31') AS terms
    JOIN sessions ON sessions.ticker = terms.ticker AND sessions.session = terms.session
    JOIN firsts ON firsts.ticker = terms.ticker
    WHERE position > first_position - list_max($windows)
)
SELECT
    ticker, model, origin, session, w AS window_sessions,
    sum(COLUMNS(* EXCLUDE (ticker, model, origin, session, position, first_position, w))) OVER span AS "\0"
FROM placed, unnest($windows) AS windows(w)
WINDOW span AS (
    PARTITION BY ticker, model, origin, w ORDER BY position RANGE BETWEEN w - 1 PRECEDING AND CURRENT ROW
)
QUALIFY position >= first_position;

-- name: insert_rolling_metrics
-- Averages from the sums.
INSERT INTO rolling_metrics BY NAME
WITH units AS (
    SELECT
        ticker, session AS since,
        coalesce(lead(session) OVER by_session, DATE '9999-12-31') AS until,
        sum(log_change) OVER by_session AS log_units
    FROM unit_changes
    WINDOW by_session AS (PARTITION BY ticker ORDER BY session)
)
SELECT
    sums.ticker, model, origin, session, window_sessions, n::INTEGER AS n,
    sqrt(square::DOUBLE / n / 2 ** 70) * exp(-log_units) AS rmse,
    absolute::DOUBLE / n / 2 ** 70 * exp(-log_units) AS mae,
    relative::DOUBLE / n / 2 ** 70 AS mape,
    sqrt(return_square::DOUBLE / n / 2 ** 70) AS return_rmse,
    return_absolute::DOUBLE / n / 2 ** 70 AS return_mae,
    1 - sqrt(paired_square::DOUBLE / nullif(walk_square, 0)) AS rmse_skill,
    1 - paired_absolute::DOUBLE / nullif(walk_absolute, 0) AS mae_skill,
    right_direction::DOUBLE / nullif(with_direction, 0) AS direction,
    pinball::DOUBLE / n / 2 ** 70 AS pinball,
    1 - paired_pinball::DOUBLE / nullif(har_pinball, 0) AS pinball_skill,
    inside_50::DOUBLE / n AS coverage_50,
    inside_90::DOUBLE / n AS coverage_90,
    2 * pinball::DOUBLE / n / 2 ** 70 AS crps,
    winkler_90::DOUBLE / n / 2 ** 70 AS winkler_90,
    width_90::DOUBLE / n / 2 ** 70 AS width_90,
    late::INTEGER AS late
FROM sums
JOIN units ON units.ticker = sums.ticker AND sums.session >= units.since AND sums.session < units.until
ORDER BY session, sums.ticker, model, origin, window_sessions;

-- name: clear_unscored
DELETE FROM unscored;
