-- The views that people query. Each reads tables only through equality on keys.

CREATE VIEW latest_forecasts AS
SELECT *
FROM forecasts
WHERE origin IN ('nightly', 'catchup')
QUALIFY row_number() OVER (
    PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC
) = 1;
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

CREATE VIEW scored_forecasts AS
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
    JOIN prices AS basis ON basis.ticker = f.ticker AND basis.session = f.as_of
    JOIN prices AS outcome ON outcome.ticker = f.ticker AND outcome.session = f.target
)
SELECT
    ticker, as_of, target, model, model_id, origin,
    basis_close, predicted_close, predicted_return, scale, q05, q25, q50, q75, q95,
    basis_close * exp(actual_return) AS actual_close,
    actual_return,
    basis_close * exp(actual_return) - predicted_close AS error,
    actual_return - predicted_return AS return_error,
    (
        greatest(0.05 * (actual_return - r05), -0.95 * (actual_return - r05))
        + greatest(0.25 * (actual_return - r25), -0.75 * (actual_return - r25))
        + greatest(0.50 * (actual_return - r50), -0.50 * (actual_return - r50))
        + greatest(0.75 * (actual_return - r75), -0.25 * (actual_return - r75))
        + greatest(0.95 * (actual_return - r95), -0.05 * (actual_return - r95))
    ) / 5 AS pinball,
    actual_return BETWEEN r25 AND r75 AS inside_50,
    actual_return BETWEEN r05 AND r95 AS inside_90,
    restated_units
FROM realised;
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
COMMENT ON COLUMN scored_forecasts.inside_50 IS 'Whether the close fell between q25 and q75.';
COMMENT ON COLUMN scored_forecasts.inside_90 IS 'Whether the close fell between q05 and q95.';
COMMENT ON COLUMN scored_forecasts.restated_units IS 'Close of as_of as known now, over the close as known then: 1 unless the vendor restated a split.';

CREATE VIEW leaderboard AS
WITH numbered AS (
    SELECT *, dense_rank() OVER (PARTITION BY origin ORDER BY target DESC) AS age
    FROM scored_forecasts
),
paired AS (
    SELECT
        s.model, s.origin, s.ticker, s.target, s.age, s.inside_50, s.inside_90, s.pinball,
        s.return_error ** 2 AS square, abs(s.return_error) AS absolute,
        walk.return_error ** 2 AS walk_square, abs(walk.return_error) AS walk_absolute,
        har.pinball AS har_pinball
    FROM numbered AS s
    JOIN scored_forecasts AS walk
        ON walk.ticker = s.ticker AND walk.as_of = s.as_of AND walk.origin = s.origin
        AND walk.model = 'random_walk'
    JOIN scored_forecasts AS har
        ON har.ticker = s.ticker AND har.as_of = s.as_of AND har.origin = s.origin
        AND har.model = 'har'
),
windows AS (SELECT unnest([21, 63, 252]) AS window_sessions),
daily AS (
    SELECT
        model, origin, window_sessions, target, count(*) AS n,
        sum(square) AS square, sum(walk_square) AS walk_square,
        sum(absolute) AS absolute, sum(walk_absolute) AS walk_absolute,
        sum(pinball) AS pinball, sum(har_pinball) AS har_pinball,
        sum(inside_50::INTEGER) AS inside_50, sum(inside_90::INTEGER) AS inside_90
    FROM paired, windows
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
    coverage_50, coverage_90
FROM summed;
COMMENT ON VIEW leaderboard IS 'Models over all tickers in the last 21, 63 and 252 scored sessions. The 95% intervals on skill treat a session, not a forecast, as one observation (linearised ratio estimator; Cochran, Sampling Techniques, 3rd ed., ch. 6), because tickers move together.';
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

CREATE VIEW calibration AS
WITH graded AS (
    SELECT
        s.*,
        CASE ntile(3) OVER (PARTITION BY s.ticker, s.model, s.origin ORDER BY ewma.scale)
            WHEN 1 THEN 'low' WHEN 2 THEN 'middle' ELSE 'high'
        END AS tercile
    FROM scored_forecasts AS s
    JOIN forecasts AS ewma
        ON ewma.ticker = s.ticker AND ewma.as_of = s.as_of AND ewma.origin = s.origin
        AND ewma.model = 'ewma'
),
grouped AS (
    SELECT model, origin, 'ticker' AS grouping_kind, ticker AS group_name, * FROM graded
    UNION ALL
    SELECT model, origin, 'volatility' AS grouping_kind, tercile AS group_name, * FROM graded
)
SELECT
    model, origin, grouping_kind, group_name, count(*) AS n,
    avg(inside_50::INTEGER) AS coverage_50,
    avg(inside_90::INTEGER) AS coverage_90,
    avg((actual_close < q05)::INTEGER) AS below_05,
    avg((actual_close > q95)::INTEGER) AS above_95
FROM grouped
GROUP BY ALL;
COMMENT ON VIEW calibration IS 'How often closes fell inside the intervals, by ticker and by terciles of each ticker''s own EWMA volatility.';
COMMENT ON COLUMN calibration.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN calibration.origin IS 'nightly, catchup or backtest; never mixed.';
COMMENT ON COLUMN calibration.n IS 'Scored forecasts in the group.';
COMMENT ON COLUMN calibration.coverage_50 IS 'Share of closes between q25 and q75; 0.50 is honest.';
COMMENT ON COLUMN calibration.coverage_90 IS 'Share of closes between q05 and q95; 0.90 is honest.';
COMMENT ON COLUMN calibration.grouping_kind IS 'ticker or volatility.';
COMMENT ON COLUMN calibration.group_name IS 'The ticker, or low, middle, high.';
COMMENT ON COLUMN calibration.below_05 IS 'Share of closes under q05; 0.05 is honest.';
COMMENT ON COLUMN calibration.above_95 IS 'Share of closes over q95; 0.05 is honest.';
