-- Forecasts whose target passed without a price of their ticker are scored on its next price, until one of the
-- target arrives. Views are scripts of their own from now on, applied when one of them has changed.

CREATE TABLE late_outcomes (
    ticker VARCHAR NOT NULL,
    target DATE NOT NULL,
    session DATE NOT NULL
);
COMMENT ON TABLE late_outcomes IS 'Targets of forecasts without a price of the ticker, and its next session that has one: kept up when forecasts are scored.';
COMMENT ON COLUMN late_outcomes.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN late_outcomes.target IS 'Session that forecasts are about and that the ticker has no price of.';
COMMENT ON COLUMN late_outcomes.session IS 'First session after it that the ticker has a price of.';

CREATE TABLE schema_views (
    fingerprint VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE schema_views IS 'Which scripts of views the database has: one row.';
COMMENT ON COLUMN schema_views.fingerprint IS 'SHA-256 over the scripts, in hexadecimal.';
COMMENT ON COLUMN schema_views.applied_at IS 'When they were applied.';

ALTER TABLE rolling_metrics ADD COLUMN late INTEGER DEFAULT 0;
COMMENT ON COLUMN rolling_metrics.late IS 'Forecasts among the n without a price of their target, compared with the next price of the ticker: see scored_forecasts.';
COMMENT ON COLUMN rolling_metrics.session IS 'Session of the last outcome in the window: its target or, where that has no price, the next session that has one.';
ALTER TABLE window_sums ADD COLUMN late HUGEINT DEFAULT 0;
COMMENT ON COLUMN window_sums.late IS 'Sum: forecasts without a price of their target, counted.';
COMMENT ON COLUMN window_sums.session IS 'Session of the last outcome in the window.';

-- Scored again once: tickers with a target that has no price although a later session has one.
INSERT INTO unscored
SELECT ticker, min(target)
FROM (SELECT DISTINCT ticker, target FROM forecasts) AS targets
ANTI JOIN prices ON prices.ticker = targets.ticker AND prices.session = targets.target
SEMI JOIN prices AS later ON later.ticker = targets.ticker AND later.session > targets.target
GROUP BY ticker;
