-- From when to when each version of a price was known, by the sessions of the runs: a run of a recorded
-- source is as old as its session, whatever the clock said.

ALTER TABLE prices ADD COLUMN known_from DATE;
ALTER TABLE price_revisions ADD COLUMN known_from DATE;
ALTER TABLE price_revisions ADD COLUMN known_until DATE;

UPDATE prices SET known_from = runs.as_of FROM runs WHERE runs.run_id = prices.run_id;
UPDATE price_revisions SET known_until = runs.as_of FROM runs WHERE runs.run_id = price_revisions.run_id;
UPDATE price_revisions SET known_from = earlier.as_of
FROM (
    SELECT replaced.ticker, replaced.session, replaced.replaced_at, arg_max(runs.as_of, runs.started_at) AS as_of
    FROM price_revisions AS replaced
    JOIN runs ON runs.started_at <= replaced.fetched_at
    GROUP BY ALL
) AS earlier
WHERE earlier.ticker = price_revisions.ticker AND earlier.session = price_revisions.session
    AND earlier.replaced_at = price_revisions.replaced_at;

ALTER TABLE forecasts ADD COLUMN prices_fetched DATE;
DROP VIEW IF EXISTS latest_forecasts;
ALTER TABLE newest_forecasts ADD COLUMN prices_fetched DATE;

CREATE TABLE backtest_states (
    line VARCHAR NOT NULL,
    as_of DATE NOT NULL,
    state JSON NOT NULL,
    run_id VARCHAR NOT NULL,
    written_at TIMESTAMP NOT NULL
);

ALTER TABLE forecast_inputs ADD COLUMN forecast_sessions INTEGER;
