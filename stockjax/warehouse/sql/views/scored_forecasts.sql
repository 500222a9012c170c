-- Each forecast next to what happened: at its target or, where the ticker has no price of that session, at
-- the first session after it that has one. Two branches, so that a filter on outcome_session still limits
-- what is read of the first; rows of late_outcomes that a price has meanwhile overtaken count for nothing.
CREATE OR REPLACE VIEW scored_forecasts AS
WITH outcomes AS (
    SELECT f.*, outcome.adj_close AS outcome_adj_close, f.target AS outcome_session, false AS late
    FROM forecasts AS f
    JOIN prices AS outcome ON outcome.ticker = f.ticker AND outcome.session = f.target
    UNION ALL
    SELECT f.*, outcome.adj_close AS outcome_adj_close, late_outcomes.session AS outcome_session, true AS late
    FROM forecasts AS f
    JOIN late_outcomes ON late_outcomes.ticker = f.ticker AND late_outcomes.target = f.target
    JOIN prices AS outcome ON outcome.ticker = late_outcomes.ticker AND outcome.session = late_outcomes.session
    ANTI JOIN prices AS in_time ON in_time.ticker = f.ticker AND in_time.session = f.target
),
realised AS (
    SELECT
        f.*,
        ln(f.q05 / f.basis_close) AS r05,
        ln(f.q25 / f.basis_close) AS r25,
        ln(f.q50 / f.basis_close) AS r50,
        ln(f.q75 / f.basis_close) AS r75,
        ln(f.q95 / f.basis_close) AS r95,
        ln(f.outcome_adj_close / basis.adj_close) AS actual_return,
        basis.close / f.basis_close AS restated_units
    FROM outcomes AS f
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
    judged.ticker, as_of, target, model, model_id, origin,
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
    restated_units,
    outcome_session,
    late,
    reactions.ticker IS NOT NULL AS reaction
FROM judged
LEFT JOIN reactions ON reactions.ticker = judged.ticker AND reactions.reaction = judged.target;
COMMENT ON VIEW scored_forecasts IS 'Every forecast whose target has closed, next to what happened; free of splits, dividends included. Where the ticker has no price of the target (a halt in trading), what happened is its next price, until one of the target arrives: the vendor is asked for it again each time.';
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
COMMENT ON COLUMN scored_forecasts.actual_return IS 'Log return of the adjusted close from as_of to outcome_session.';
COMMENT ON COLUMN scored_forecasts.error IS 'actual_close - predicted_close.';
COMMENT ON COLUMN scored_forecasts.return_error IS 'actual_return - predicted_return.';
COMMENT ON COLUMN scored_forecasts.pinball IS 'Pinball loss of the log return, mean over the five quantiles.';
COMMENT ON COLUMN scored_forecasts.crps IS 'Continuous ranked probability score of the log return, from the five quantiles: twice their mean pinball loss (Laio and Tamea, Hydrology and Earth System Sciences 11, 2007).';
COMMENT ON COLUMN scored_forecasts.winkler_90 IS 'Interval score of q05 to q95 in log returns: the width, plus 20 times the distance by which the return fell outside (Winkler, JASA 67, 1972).';
COMMENT ON COLUMN scored_forecasts.width_90 IS 'Width of q05 to q95 in log returns.';
COMMENT ON COLUMN scored_forecasts.inside_50 IS 'Whether the close fell between q25 and q75.';
COMMENT ON COLUMN scored_forecasts.inside_90 IS 'Whether the close fell between q05 and q95.';
COMMENT ON COLUMN scored_forecasts.restated_units IS 'Close of as_of as known now, over the close as known then: 1 unless the vendor restated a split.';
COMMENT ON COLUMN scored_forecasts.outcome_session IS 'Session of the price that the forecast is compared with: the target or, if late, the first one after it that the ticker has a price of.';
COMMENT ON COLUMN scored_forecasts.late IS 'Whether the ticker has no price of the target, so that the score is provisional: it counts the move at reopening and makes way for the price of the target should that arrive.';
COMMENT ON COLUMN scored_forecasts.reaction IS 'Whether the target is a session that reacts to an announcement, as far as sources tell.';
