-- The leaderboard as it stood on any day, its intervals from drawing whole days again.

CREATE OR REPLACE MACRO verdict_on(is_benchmark, sessions, bounds) AS CASE
    WHEN is_benchmark THEN 'benchmark'
    WHEN sessions < 20 OR bounds[1] IS NULL THEN 'too few'
    WHEN bounds[1] > 0 THEN 'better'
    WHEN bounds[2] < 0 THEN 'worse'
    ELSE 'tie'
END;
COMMENT ON MACRO verdict_on IS 'What the 95% interval of a skill over so many sessions says: benchmark, too few, better, worse or tie.';

CREATE OR REPLACE MACRO leaderboard_on(day) AS TABLE
-- So many days that the longest window is full although some of them, as tonight's, have no outcome.
WITH days AS (
    SELECT origin, target
    FROM (SELECT DISTINCT origin, target FROM forecasts WHERE target <= day::DATE)
    QUALIFY row_number() OVER (PARTITION BY origin ORDER BY target DESC)
        <= (SELECT max(window_sessions) + 300 FROM metric_windows)
),
recent AS MATERIALIZED (
    SELECT
        ticker, model, origin, as_of, outcome_session, return_error, pinball, inside_50, inside_90, late,
        dense_rank() OVER (PARTITION BY origin ORDER BY outcome_session DESC) AS age
    FROM scored_forecasts
    SEMI JOIN days USING (origin, target)
    WHERE outcome_session <= day::DATE AND target >= (SELECT min(target) FROM days)
    QUALIFY age <= (SELECT max(window_sessions) FROM metric_windows)
),
benchmarks AS (
    SELECT
        ticker, as_of, origin,
        any_value(return_error) FILTER (WHERE model = 'random_walk') AS walk_error,
        any_value(pinball) FILTER (WHERE model = 'har') AS har_pinball
    FROM recent
    GROUP BY ticker, as_of, origin
),
daily AS MATERIALIZED (
    SELECT
        model, origin, age, any_value(outcome_session) AS session, count(*) AS n,
        sum(return_error ** 2) AS square, sum(walk_error ** 2) AS walk_square,
        sum(abs(return_error)) AS absolute, sum(abs(walk_error)) AS walk_absolute,
        sum(pinball) AS pinball, sum(har_pinball) AS har_pinball,
        sum(inside_50::INTEGER) AS inside_50, sum(inside_90::INTEGER) AS inside_90, sum(late::INTEGER) AS late
    FROM recent
    JOIN benchmarks USING (ticker, as_of, origin)
    WHERE walk_error IS NOT NULL AND har_pinball IS NOT NULL
    GROUP BY model, origin, age
),
summed AS (
    SELECT
        model, origin, window_sessions,
        count(*) AS sessions,
        sum(n) AS n,
        sqrt(sum(square) / sum(n)) AS return_rmse,
        sum(absolute) / sum(n) AS return_mae,
        sum(pinball) / sum(n) AS pinball,
        1 - sqrt(sum(square) / nullif(sum(walk_square), 0)) AS rmse_skill,
        1 - sum(absolute) / nullif(sum(walk_absolute), 0) AS mae_skill,
        1 - sum(pinball) / nullif(sum(har_pinball), 0) AS pinball_skill,
        sum(inside_50) / sum(n) AS coverage_50,
        sum(inside_90) / sum(n) AS coverage_90,
        sum(late)::BIGINT AS late,
        min(session) AS first_session
    FROM daily
    JOIN metric_windows ON age <= window_sessions
    GROUP BY model, origin, window_sessions
),
lost AS (
    SELECT model, origin, target, count(*) AS n
    FROM forecasts_without_outcome
    SEMI JOIN days USING (origin, target)
    GROUP BY model, origin, target
),
counted AS (
    SELECT summed.model, summed.origin, window_sessions, coalesce(sum(lost.n), 0)::BIGINT AS without_outcome
    FROM summed
    LEFT JOIN lost ON lost.model = summed.model AND lost.origin = summed.origin AND lost.target >= first_session
    GROUP BY summed.model, summed.origin, window_sessions
),
lengths AS (
    SELECT origin, window_sessions, max(age) AS sessions
    FROM daily
    JOIN metric_windows ON age <= window_sessions
    GROUP BY origin, window_sessions
),
-- The same days for every model; they depend on nothing but the number of the draw.
drawn AS (
    SELECT
        model, origin, window_sessions,
        1 - sqrt(sum(square) / nullif(sum(walk_square), 0)) AS rmse_skill,
        1 - sum(absolute) / nullif(sum(walk_absolute), 0) AS mae_skill,
        1 - sum(pinball) / nullif(sum(har_pinball), 0) AS pinball_skill
    FROM (
        SELECT origin, window_sessions, draw, 1 + drawn_day(draw, turns.range, sessions) AS age
        FROM lengths, bootstrap_draws() AS draws, range(sessions) AS turns
    )
    JOIN daily USING (origin, age)
    GROUP BY model, origin, window_sessions, draw
),
bounds AS (
    SELECT
        model, origin, window_sessions,
        quantile_cont(rmse_skill, [0.025, 0.975]) AS rmse_bounds,
        quantile_cont(mae_skill, [0.025, 0.975]) AS mae_bounds,
        quantile_cont(pinball_skill, [0.025, 0.975]) AS pinball_bounds
    FROM drawn
    GROUP BY model, origin, window_sessions
)
SELECT
    summed.model, summed.origin, summed.window_sessions, sessions, n, return_rmse, return_mae, pinball,
    rmse_skill, rmse_bounds[1] AS rmse_skill_low, rmse_bounds[2] AS rmse_skill_high,
    mae_skill, mae_bounds[1] AS mae_skill_low, mae_bounds[2] AS mae_skill_high,
    pinball_skill, pinball_bounds[1] AS pinball_skill_low, pinball_bounds[2] AS pinball_skill_high,
    coverage_50, coverage_90,
    verdict_on(summed.model = 'har', sessions, pinball_bounds) AS pinball_verdict,
    verdict_on(summed.model = 'random_walk', sessions, rmse_bounds) AS rmse_verdict,
    late, without_outcome
FROM summed
JOIN counted USING (model, origin, window_sessions)
-- One session, drawn however often, tells nothing of how sure a skill is.
LEFT JOIN bounds ON bounds.model = summed.model AND bounds.origin = summed.origin
    AND bounds.window_sessions = summed.window_sessions AND sessions > 1
ORDER BY summed.origin, summed.window_sessions, pinball;
COMMENT ON MACRO TABLE leaderboard_on IS 'leaderboard_on(day): the leaderboard of the sessions up to a day, columns as in leaderboard.';

CREATE OR REPLACE VIEW leaderboard AS FROM leaderboard_on(DATE '9999-12-31');
COMMENT ON VIEW leaderboard IS 'Models over all tickers in the newest scored sessions, by windows (setting scores.windows). The 95% intervals on skill are percentiles of a thousand draws of whole days, because tickers move together: a session, not a forecast, is one observation (pairs cluster bootstrap; Cameron, Gelbach and Miller, Review of Economics and Statistics 90, 2008).';
COMMENT ON COLUMN leaderboard.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN leaderboard.origin IS 'nightly, catchup or backtest; never mixed.';
COMMENT ON COLUMN leaderboard.window_sessions IS 'Length of the window: the newest sessions with outcomes of that origin.';
COMMENT ON COLUMN leaderboard.sessions IS 'Sessions with outcomes in the window.';
COMMENT ON COLUMN leaderboard.n IS 'Scored forecasts in the window.';
COMMENT ON COLUMN leaderboard.return_rmse IS 'Root mean squared error of predicted_return.';
COMMENT ON COLUMN leaderboard.return_mae IS 'Mean absolute error of predicted_return.';
COMMENT ON COLUMN leaderboard.pinball IS 'Mean pinball loss of the five quantiles of the log return.';
COMMENT ON COLUMN leaderboard.coverage_50 IS 'Share of closes between q25 and q75; 0.50 is honest.';
COMMENT ON COLUMN leaderboard.coverage_90 IS 'Share of closes between q05 and q95; 0.90 is honest.';
COMMENT ON COLUMN leaderboard.rmse_skill IS '1 - return_rmse / that of random_walk on the same forecasts.';
COMMENT ON COLUMN leaderboard.mae_skill IS '1 - return_mae / that of random_walk on the same forecasts.';
COMMENT ON COLUMN leaderboard.pinball_skill IS '1 - pinball / that of har on the same forecasts.';
COMMENT ON COLUMN leaderboard.rmse_skill_low IS 'Lower end of the 95% interval of rmse_skill; NULL where there is one session only.';
COMMENT ON COLUMN leaderboard.rmse_skill_high IS 'Upper end of the 95% interval of rmse_skill; NULL where there is one session only.';
COMMENT ON COLUMN leaderboard.mae_skill_low IS 'Lower end of the 95% interval of mae_skill; NULL where there is one session only.';
COMMENT ON COLUMN leaderboard.mae_skill_high IS 'Upper end of the 95% interval of mae_skill; NULL where there is one session only.';
COMMENT ON COLUMN leaderboard.pinball_skill_low IS 'Lower end of the 95% interval of pinball_skill; NULL where there is one session only.';
COMMENT ON COLUMN leaderboard.pinball_skill_high IS 'Upper end of the 95% interval of pinball_skill; NULL where there is one session only.';
COMMENT ON COLUMN leaderboard.pinball_verdict IS 'better or worse than har in pinball loss, if the 95% interval of pinball_skill lies on one side of 0; else tie; too few: under 20 sessions, on which such an interval says nothing; benchmark: har itself.';
COMMENT ON COLUMN leaderboard.rmse_verdict IS 'The same of rmse_skill against random_walk. Ties are the rule: next-day closes are nearly a random walk.';
COMMENT ON COLUMN leaderboard.late IS 'Forecasts among the n without a price of their target, compared with the next price of their ticker: see scored_forecasts.';
COMMENT ON COLUMN leaderboard.without_outcome IS 'Forecasts of these sessions next to the n that have no outcome: neither their target nor a later session of their ticker has a price (delisted, or still halted), or the price they began from was withdrawn.';
