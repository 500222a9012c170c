-- Scores that keep up with a large ledger: what nights read is kept small, and what has changed is on record.

CREATE TABLE newest_forecasts AS
SELECT *
FROM forecasts
WHERE origin IN ('nightly', 'catchup')
QUALIFY row_number() OVER (
    PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC
) = 1;
COMMENT ON TABLE newest_forecasts IS 'What the view latest_forecasts shows, kept up with the ledger, which is too long to be looked through each time.';
COMMENT ON COLUMN newest_forecasts.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN newest_forecasts.as_of IS 'Last completed session that the forecast used.';
COMMENT ON COLUMN newest_forecasts.target IS 'Session that the forecast is about.';
COMMENT ON COLUMN newest_forecasts.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN newest_forecasts.model_id IS 'Row of models that made it; NULL for a baseline.';
COMMENT ON COLUMN newest_forecasts.origin IS 'nightly or catchup.';
COMMENT ON COLUMN newest_forecasts.basis_close IS 'Close of as_of as it was known then; the units of every price in this row.';
COMMENT ON COLUMN newest_forecasts.predicted_close IS 'Median of the forecast close.';
COMMENT ON COLUMN newest_forecasts.predicted_return IS 'Median of the forecast log return, dividends included.';
COMMENT ON COLUMN newest_forecasts.scale IS 'Forecast standard deviation of that log return.';
COMMENT ON COLUMN newest_forecasts.q05 IS '5% quantile of the forecast close.';
COMMENT ON COLUMN newest_forecasts.q25 IS '25% quantile of the forecast close.';
COMMENT ON COLUMN newest_forecasts.q50 IS '50% quantile of the forecast close.';
COMMENT ON COLUMN newest_forecasts.q75 IS '75% quantile of the forecast close.';
COMMENT ON COLUMN newest_forecasts.q95 IS '95% quantile of the forecast close.';
COMMENT ON COLUMN newest_forecasts.data_hash IS 'Fingerprint of the prices of this ticker up to as_of.';
COMMENT ON COLUMN newest_forecasts.code_version IS 'Release and fingerprint of the code that made it.';
COMMENT ON COLUMN newest_forecasts.run_id IS 'Run that wrote it.';
COMMENT ON COLUMN newest_forecasts.created_at IS 'When it was written.';

CREATE OR REPLACE VIEW latest_forecasts AS FROM newest_forecasts;
COMMENT ON VIEW latest_forecasts IS 'The newest forecast of every ticker and model; replays are left out.';
COMMENT ON COLUMN latest_forecasts.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN latest_forecasts.as_of IS 'Last completed session that the forecast used.';
COMMENT ON COLUMN latest_forecasts.target IS 'Session that the forecast is about.';
COMMENT ON COLUMN latest_forecasts.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN latest_forecasts.model_id IS 'Row of models that made it; NULL for a baseline.';
COMMENT ON COLUMN latest_forecasts.origin IS 'nightly or catchup.';
COMMENT ON COLUMN latest_forecasts.basis_close IS 'Close of as_of as it was known then; the units of every price in this row.';
COMMENT ON COLUMN latest_forecasts.predicted_close IS 'Median of the forecast close.';
COMMENT ON COLUMN latest_forecasts.predicted_return IS 'Median of the forecast log return, dividends included.';
COMMENT ON COLUMN latest_forecasts.scale IS 'Forecast standard deviation of that log return.';
COMMENT ON COLUMN latest_forecasts.q05 IS '5% quantile of the forecast close.';
COMMENT ON COLUMN latest_forecasts.q25 IS '25% quantile of the forecast close.';
COMMENT ON COLUMN latest_forecasts.q50 IS '50% quantile of the forecast close.';
COMMENT ON COLUMN latest_forecasts.q75 IS '75% quantile of the forecast close.';
COMMENT ON COLUMN latest_forecasts.q95 IS '95% quantile of the forecast close.';
COMMENT ON COLUMN latest_forecasts.data_hash IS 'Fingerprint of the prices of this ticker up to as_of.';
COMMENT ON COLUMN latest_forecasts.code_version IS 'Release and fingerprint of the code that made it.';
COMMENT ON COLUMN latest_forecasts.run_id IS 'Run that wrote it.';
COMMENT ON COLUMN latest_forecasts.created_at IS 'When it was written.';

CREATE OR REPLACE VIEW scored_forecasts AS
WITH realised AS (
    SELECT
        f.*,
        ln(f.q05 / f.basis_close) AS r05,
        ln(f.q25 / f.basis_close) AS r25,
        ln(f.q50 / f.basis_close) AS r50,
        ln(f.q75 / f.basis_close) AS r75,
        ln(f.q95 / f.basis_close) AS r95,
        ln(outcome.adj_close / basis.adj_close) AS actual_return,
        basis.close / f.basis_close AS restated_units
    FROM forecasts AS f
    JOIN prices AS outcome ON outcome.ticker = f.ticker AND outcome.session = f.target
    -- A left join and a condition that looks like none: of two inner joins, a question about one
    -- ticker pairs every price of it with every other one first.
    LEFT JOIN prices AS basis ON basis.ticker = f.ticker AND basis.session = f.as_of
    WHERE CASE WHEN f.basis_close > 0 THEN basis.close IS NOT NULL ELSE false END
),
judged AS (
    SELECT
        *,
        (
            greatest(0.05 * (actual_return - r05), -0.95 * (actual_return - r05))
            + greatest(0.25 * (actual_return - r25), -0.75 * (actual_return - r25))
            + greatest(0.50 * (actual_return - r50), -0.50 * (actual_return - r50))
            + greatest(0.75 * (actual_return - r75), -0.25 * (actual_return - r75))
            + greatest(0.95 * (actual_return - r95), -0.05 * (actual_return - r95))
        ) / 5 AS pinball
    FROM realised
)
SELECT
    ticker, as_of, target, model, model_id, origin,
    basis_close, predicted_close, predicted_return, scale, q05, q25, q50, q75, q95,
    basis_close * exp(actual_return) AS actual_close,
    actual_return,
    basis_close * exp(actual_return) - predicted_close AS error,
    actual_return - predicted_return AS return_error,
    pinball,
    2 * pinball AS crps,
    r95 - r05 + 2 / 0.1 * (greatest(r05 - actual_return, 0) + greatest(actual_return - r95, 0)) AS winkler_90,
    r95 - r05 AS width_90,
    actual_return BETWEEN r25 AND r75 AS inside_50,
    actual_return BETWEEN r05 AND r95 AS inside_90,
    restated_units
FROM judged;
COMMENT ON VIEW scored_forecasts IS 'Every forecast whose target has closed, beside what happened; free of splits, dividends included.';
COMMENT ON COLUMN scored_forecasts.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN scored_forecasts.as_of IS 'Last completed session that the forecast used.';
COMMENT ON COLUMN scored_forecasts.target IS 'Session that the forecast is about.';
COMMENT ON COLUMN scored_forecasts.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN scored_forecasts.model_id IS 'Row of models that made it; NULL for a baseline.';
COMMENT ON COLUMN scored_forecasts.origin IS 'nightly, catchup or backtest.';
COMMENT ON COLUMN scored_forecasts.basis_close IS 'Close of as_of as it was known then; the units of every price in this row.';
COMMENT ON COLUMN scored_forecasts.predicted_close IS 'Median of the forecast close.';
COMMENT ON COLUMN scored_forecasts.predicted_return IS 'Median of the forecast log return, dividends included.';
COMMENT ON COLUMN scored_forecasts.scale IS 'Forecast standard deviation of that log return.';
COMMENT ON COLUMN scored_forecasts.q05 IS '5% quantile of the forecast close.';
COMMENT ON COLUMN scored_forecasts.q25 IS '25% quantile of the forecast close.';
COMMENT ON COLUMN scored_forecasts.q50 IS '50% quantile of the forecast close.';
COMMENT ON COLUMN scored_forecasts.q75 IS '75% quantile of the forecast close.';
COMMENT ON COLUMN scored_forecasts.q95 IS '95% quantile of the forecast close.';
COMMENT ON COLUMN scored_forecasts.actual_close IS 'What happened, in the units of basis_close: basis_close times the adjusted return.';
COMMENT ON COLUMN scored_forecasts.actual_return IS 'Log return of the adjusted close from as_of to target.';
COMMENT ON COLUMN scored_forecasts.error IS 'actual_close - predicted_close.';
COMMENT ON COLUMN scored_forecasts.return_error IS 'actual_return - predicted_return.';
COMMENT ON COLUMN scored_forecasts.pinball IS 'Pinball loss of the log return, mean over the five quantiles.';
COMMENT ON COLUMN scored_forecasts.crps IS 'Continuous ranked probability score of the log return, from the five quantiles: twice their mean pinball loss (Laio and Tamea, Hydrology and Earth System Sciences 11, 2007).';
COMMENT ON COLUMN scored_forecasts.winkler_90 IS 'Interval score of q05 to q95 in log returns: the width, plus 20 times the distance by which the return fell outside (Winkler, JASA 67, 1972).';
COMMENT ON COLUMN scored_forecasts.width_90 IS 'Width of q05 to q95 in log returns.';
COMMENT ON COLUMN scored_forecasts.inside_50 IS 'Whether the close fell between q25 and q75.';
COMMENT ON COLUMN scored_forecasts.inside_90 IS 'Whether the close fell between q05 and q95.';
COMMENT ON COLUMN scored_forecasts.restated_units IS 'Close of as_of as known now, over the close as known then: 1 unless the vendor restated a split.';

CREATE TABLE unscored (
    ticker VARCHAR NOT NULL,
    first_session DATE NOT NULL
);
COMMENT ON TABLE unscored IS 'What rolling_metrics has yet to catch up with; empty after a run.';
COMMENT ON COLUMN unscored.ticker IS 'Ticker of which prices or forecasts were stored or replaced.';
COMMENT ON COLUMN unscored.first_session IS 'First session from which its scores may have changed.';

CREATE TABLE metric_windows (window_sessions INTEGER NOT NULL);
COMMENT ON TABLE metric_windows IS 'Windows that rolling_metrics and leaderboard have: the setting scores.windows at the last run.';
COMMENT ON COLUMN metric_windows.window_sessions IS 'Length in sessions.';
INSERT INTO metric_windows VALUES (21), (63), (252);

CREATE TABLE unit_changes (
    ticker VARCHAR NOT NULL,
    session DATE NOT NULL,
    log_change DOUBLE NOT NULL
);
COMMENT ON TABLE unit_changes IS 'Sessions on which the units of close change: splits, as prices show them. Errors of money before and after are told in the same units by it.';
COMMENT ON COLUMN unit_changes.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN unit_changes.session IS 'First session in the new units.';
COMMENT ON COLUMN unit_changes.log_change IS 'Log of the factor from the new units to those before; at the first session of a ticker, minus the log of its close. In multiples of 2^-40, so that sums of them are exact.';

CREATE TABLE window_sums (
    ticker VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    session DATE NOT NULL,
    window_sessions INTEGER NOT NULL,
    n BIGINT NOT NULL,
    square HUGEINT,
    absolute HUGEINT,
    relative HUGEINT,
    return_square HUGEINT,
    return_absolute HUGEINT,
    paired_square HUGEINT,
    walk_square HUGEINT,
    paired_absolute HUGEINT,
    walk_absolute HUGEINT,
    told HUGEINT,
    right_direction HUGEINT,
    pinball HUGEINT,
    paired_pinball HUGEINT,
    har_pinball HUGEINT,
    winkler_90 HUGEINT,
    width_90 HUGEINT,
    inside_50 HUGEINT,
    inside_90 HUGEINT
);
COMMENT ON TABLE window_sums IS 'The sums behind the newest rows of rolling_metrics: the next session adds what enters a window and takes away what leaves it. In units of 2^-70 unless counted, so that this is exact.';
COMMENT ON COLUMN window_sums.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN window_sums.model IS 'lstm, random_walk, ewma or har.';
COMMENT ON COLUMN window_sums.origin IS 'nightly, catchup or backtest.';
COMMENT ON COLUMN window_sums.session IS 'Last target session in the window.';
COMMENT ON COLUMN window_sums.window_sessions IS 'Length of the window in sessions.';
COMMENT ON COLUMN window_sums.n IS 'Forecasts in the window.';
COMMENT ON COLUMN window_sums.square IS 'Sum: squared errors of predicted_close, in units of the first close.';
COMMENT ON COLUMN window_sums.absolute IS 'Sum: absolute errors of predicted_close, in units of the first close.';
COMMENT ON COLUMN window_sums.relative IS 'Sum: absolute errors as fractions of the actual close.';
COMMENT ON COLUMN window_sums.return_square IS 'Sum: squared errors of predicted_return.';
COMMENT ON COLUMN window_sums.return_absolute IS 'Sum: absolute errors of predicted_return.';
COMMENT ON COLUMN window_sums.paired_square IS 'Sum: return_square where random_walk has a forecast too.';
COMMENT ON COLUMN window_sums.walk_square IS 'Sum: squared errors of random_walk beside it.';
COMMENT ON COLUMN window_sums.paired_absolute IS 'Sum: return_absolute where random_walk has a forecast too.';
COMMENT ON COLUMN window_sums.walk_absolute IS 'Sum: absolute errors of random_walk beside it.';
COMMENT ON COLUMN window_sums.told IS 'Sum: moves of which a direction was forecast, counted.';
COMMENT ON COLUMN window_sums.right_direction IS 'Sum: those of them with the right sign, counted.';
COMMENT ON COLUMN window_sums.pinball IS 'Sum: pinball losses.';
COMMENT ON COLUMN window_sums.paired_pinball IS 'Sum: pinball losses where har has a forecast too.';
COMMENT ON COLUMN window_sums.har_pinball IS 'Sum: pinball losses of har beside it.';
COMMENT ON COLUMN window_sums.winkler_90 IS 'Sum: interval scores.';
COMMENT ON COLUMN window_sums.width_90 IS 'Sum: widths of the 90% interval.';
COMMENT ON COLUMN window_sums.inside_50 IS 'Sum: closes inside the 50% interval, counted.';
COMMENT ON COLUMN window_sums.inside_90 IS 'Sum: closes inside the 90% interval, counted.';

CREATE TABLE storage_order (
    table_name VARCHAR NOT NULL,
    run_after TIMESTAMP NOT NULL,
    sorted_through TIMESTAMP NOT NULL
);
COMMENT ON TABLE storage_order IS 'How far the rows of large tables lie ticker by ticker in the file, so that a question about one ticker reads little.';
COMMENT ON COLUMN storage_order.table_name IS 'forecasts or prices.';
COMMENT ON COLUMN storage_order.run_after IS 'Rows stored after this are sorted anew together with later ones.';
COMMENT ON COLUMN storage_order.sorted_through IS 'Rows stored after this lie as nights have added them.';
INSERT INTO storage_order VALUES ('forecasts', '1970-01-01', '1970-01-01'), ('prices', '1970-01-01', '1970-01-01');

-- Scores are sums of fixed-point numbers from now on: all of them are made anew, once.
INSERT INTO unscored SELECT ticker, min(session) FROM prices GROUP BY ticker;

COMMENT ON TABLE rolling_metrics IS 'Errors of the forecasts for the last 21, 63 and 252 sessions (setting scores.windows), for every session that has been scored.';

CREATE OR REPLACE VIEW leaderboard AS
-- So many days that the longest window is full although some of them, as tonight's, have no outcome.
WITH days AS (
    SELECT origin, target
    FROM (SELECT DISTINCT origin, target FROM forecasts)
    QUALIFY row_number() OVER (PARTITION BY origin ORDER BY target DESC)
        <= (SELECT max(window_sessions) + 300 FROM metric_windows)
),
recent AS MATERIALIZED (
    SELECT
        ticker, model, origin, as_of, target, return_error, pinball, inside_50, inside_90,
        dense_rank() OVER (PARTITION BY origin ORDER BY target DESC) AS age
    FROM scored_forecasts
    SEMI JOIN days USING (origin, target)
),
beside AS (
    SELECT
        ticker, as_of, origin,
        any_value(return_error) FILTER (WHERE model = 'random_walk') AS walk_error,
        any_value(pinball) FILTER (WHERE model = 'har') AS har_pinball
    FROM recent
    GROUP BY ticker, as_of, origin
),
paired AS (
    SELECT
        model, origin, ticker, target, age, inside_50, inside_90, pinball,
        return_error ** 2 AS square, abs(return_error) AS absolute,
        walk_error ** 2 AS walk_square, abs(walk_error) AS walk_absolute, har_pinball
    FROM recent
    JOIN beside USING (ticker, as_of, origin)
    WHERE walk_error IS NOT NULL AND har_pinball IS NOT NULL
),
daily AS (
    SELECT
        model, origin, window_sessions, target, count(*) AS n,
        sum(square) AS square, sum(walk_square) AS walk_square,
        sum(absolute) AS absolute, sum(walk_absolute) AS walk_absolute,
        sum(pinball) AS pinball, sum(har_pinball) AS har_pinball,
        sum(inside_50::INTEGER) AS inside_50, sum(inside_90::INTEGER) AS inside_90
    FROM paired, metric_windows
    WHERE age <= window_sessions
    GROUP BY ALL
),
ratios AS (
    SELECT
        *,
        sum(square) OVER whole / nullif(sum(walk_square) OVER whole, 0) AS square_ratio,
        sum(absolute) OVER whole / nullif(sum(walk_absolute) OVER whole, 0) AS absolute_ratio,
        sum(pinball) OVER whole / nullif(sum(har_pinball) OVER whole, 0) AS pinball_ratio
    FROM daily
    WINDOW whole AS (PARTITION BY model, origin, window_sessions)
),
summed AS (
    SELECT
        model, origin, window_sessions,
        count(*) AS sessions,
        sum(n) AS n,
        sqrt(sum(square) / sum(n)) AS return_rmse,
        sum(absolute) / sum(n) AS return_mae,
        sum(pinball) / sum(n) AS pinball,
        1 - sqrt(any_value(square_ratio)) AS rmse_skill,
        1 - any_value(absolute_ratio) AS mae_skill,
        1 - any_value(pinball_ratio) AS pinball_skill,
        sum(inside_50) / sum(n) AS coverage_50,
        sum(inside_90) / sum(n) AS coverage_90,
        sqrt(sum((square - square_ratio * walk_square) ** 2) * count(*) / nullif(count(*) - 1, 0))
            / nullif(sum(walk_square), 0) / nullif(2 * sqrt(any_value(square_ratio)), 0) AS rmse_error,
        sqrt(sum((absolute - absolute_ratio * walk_absolute) ** 2) * count(*) / nullif(count(*) - 1, 0))
            / nullif(sum(walk_absolute), 0) AS mae_error,
        sqrt(sum((pinball - pinball_ratio * har_pinball) ** 2) * count(*) / nullif(count(*) - 1, 0))
            / nullif(sum(har_pinball), 0) AS pinball_error
    FROM ratios
    GROUP BY model, origin, window_sessions
)
SELECT
    model, origin, window_sessions, sessions, n, return_rmse, return_mae, pinball,
    rmse_skill, rmse_skill - 1.96 * rmse_error AS rmse_skill_low, rmse_skill + 1.96 * rmse_error AS rmse_skill_high,
    mae_skill, mae_skill - 1.96 * mae_error AS mae_skill_low, mae_skill + 1.96 * mae_error AS mae_skill_high,
    pinball_skill, pinball_skill - 1.96 * pinball_error AS pinball_skill_low,
    pinball_skill + 1.96 * pinball_error AS pinball_skill_high,
    coverage_50, coverage_90,
    CASE
        WHEN model = 'har' THEN 'benchmark'
        WHEN sessions < 20 OR pinball_error IS NULL THEN 'too few'
        WHEN pinball_skill > 1.96 * pinball_error THEN 'better'
        WHEN pinball_skill < -1.96 * pinball_error THEN 'worse'
        ELSE 'tie'
    END AS pinball_verdict,
    CASE
        WHEN model = 'random_walk' THEN 'benchmark'
        WHEN sessions < 20 OR rmse_error IS NULL THEN 'too few'
        WHEN rmse_skill > 1.96 * rmse_error THEN 'better'
        WHEN rmse_skill < -1.96 * rmse_error THEN 'worse'
        ELSE 'tie'
    END AS rmse_verdict
FROM summed;
COMMENT ON VIEW leaderboard IS 'Models over all tickers in the newest scored sessions, by windows (setting scores.windows). The 95% intervals on skill treat a session, not a forecast, as one observation (linearised ratio estimator; Cochran, Sampling Techniques, 3rd ed., ch. 6), because tickers move together.';
COMMENT ON COLUMN leaderboard.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN leaderboard.origin IS 'nightly, catchup or backtest; never mixed.';
COMMENT ON COLUMN leaderboard.window_sessions IS 'Length of the window: the newest target sessions of that origin.';
COMMENT ON COLUMN leaderboard.sessions IS 'Target sessions in the window.';
COMMENT ON COLUMN leaderboard.n IS 'Scored forecasts in the window.';
COMMENT ON COLUMN leaderboard.return_rmse IS 'Root mean squared error of predicted_return.';
COMMENT ON COLUMN leaderboard.return_mae IS 'Mean absolute error of predicted_return.';
COMMENT ON COLUMN leaderboard.pinball IS 'Mean pinball loss of the five quantiles of the log return.';
COMMENT ON COLUMN leaderboard.coverage_50 IS 'Share of closes between q25 and q75; 0.50 is honest.';
COMMENT ON COLUMN leaderboard.coverage_90 IS 'Share of closes between q05 and q95; 0.90 is honest.';
COMMENT ON COLUMN leaderboard.rmse_skill IS '1 - return_rmse / that of random_walk on the same forecasts.';
COMMENT ON COLUMN leaderboard.mae_skill IS '1 - return_mae / that of random_walk on the same forecasts.';
COMMENT ON COLUMN leaderboard.pinball_skill IS '1 - pinball / that of har on the same forecasts.';
COMMENT ON COLUMN leaderboard.rmse_skill_low IS 'Lower end of the 95% interval of rmse_skill.';
COMMENT ON COLUMN leaderboard.rmse_skill_high IS 'Upper end of the 95% interval of rmse_skill.';
COMMENT ON COLUMN leaderboard.mae_skill_low IS 'Lower end of the 95% interval of mae_skill.';
COMMENT ON COLUMN leaderboard.mae_skill_high IS 'Upper end of the 95% interval of mae_skill.';
COMMENT ON COLUMN leaderboard.pinball_skill_low IS 'Lower end of the 95% interval of pinball_skill.';
COMMENT ON COLUMN leaderboard.pinball_skill_high IS 'Upper end of the 95% interval of pinball_skill.';
COMMENT ON COLUMN leaderboard.pinball_verdict IS 'better or worse than har in pinball loss, if the 95% interval of pinball_skill lies on one side of 0; else tie; too few: under 20 sessions, on which such an interval says nothing; benchmark: har itself.';
COMMENT ON COLUMN leaderboard.rmse_verdict IS 'The same of rmse_skill against random_walk. Ties are the rule: next-day closes are nearly a random walk.';
