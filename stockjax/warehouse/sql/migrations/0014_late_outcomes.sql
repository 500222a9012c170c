-- Forecasts whose target passed without a price of their ticker are scored on its next price, until one of the
-- target arrives. Views are scripts of their own from now on, applied when one of them has changed.

CREATE TABLE late_outcomes (
    ticker VARCHAR NOT NULL,
    target DATE NOT NULL,
    session DATE NOT NULL
);

CREATE TABLE schema_views (
    fingerprint VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL
);

ALTER TABLE rolling_metrics ADD COLUMN late INTEGER DEFAULT 0;
ALTER TABLE window_sums ADD COLUMN late HUGEINT DEFAULT 0;

-- Scored again once: tickers with a target that has no price although a later session has one.
INSERT INTO unscored
SELECT ticker, min(target)
FROM (SELECT DISTINCT ticker, target FROM forecasts) AS targets
ANTI JOIN prices ON prices.ticker = targets.ticker AND prices.session = targets.target
SEMI JOIN prices AS later ON later.ticker = targets.ticker AND later.session > targets.target
GROUP BY ticker;
