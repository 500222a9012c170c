-- From when to when each version of a price was known, told by the sessions of the runs: a run of a recorded
-- source is as old as its session, whatever the clock said.

ALTER TABLE prices ADD COLUMN known_from DATE;
COMMENT ON COLUMN prices.known_from IS 'Session of the run that stored the row: from its close on the price was known as it is here.';
ALTER TABLE price_revisions ADD COLUMN known_from DATE;
COMMENT ON COLUMN price_revisions.known_from IS 'Session of the run that had stored the replaced row.';
ALTER TABLE price_revisions ADD COLUMN known_until DATE;
COMMENT ON COLUMN price_revisions.known_until IS 'Session from whose close on it was no longer the price: that of the run that replaced it, or the next bar where the delivery that brought the row disproved it.';
COMMENT ON COLUMN price_revisions.reason IS 'Why: split, dividend, restatement, withdrawn (the vendor no longer has it), disproved (the next bar shows that it was an error) or recycled (the symbol is another company''s now).';

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
COMMENT ON COLUMN forecasts.prices_fetched IS 'Where a session was caught up with prices that were fetched after it: the session of the run that fetched them, which may have been restated meanwhile. NULL where they were fetched in time, and for origin backtest.';
DROP VIEW latest_forecasts;
ALTER TABLE newest_forecasts ADD COLUMN prices_fetched DATE;
COMMENT ON COLUMN newest_forecasts.prices_fetched IS 'Where a session was caught up with prices that were fetched after it: the session of the run that fetched them. NULL where they were fetched in time.';
CREATE VIEW latest_forecasts AS FROM newest_forecasts;
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
COMMENT ON COLUMN latest_forecasts.fallback IS 'What forecast in the place of the ticker''s own network: base or har; NULL where that did, or where history is too short for one.';
COMMENT ON COLUMN latest_forecasts.prices_fetched IS 'Where a session was caught up with prices that were fetched after it: the session of the run that fetched them. NULL where they were fetched in time.';

CREATE TABLE backtest_states (
    line VARCHAR NOT NULL,
    as_of DATE NOT NULL,
    state JSON NOT NULL,
    run_id VARCHAR NOT NULL,
    written_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE backtest_states IS 'Where a walk through the past stands after its newest sessions, so that one that was cut off goes on with the same bits.';
COMMENT ON COLUMN backtest_states.line IS 'Fingerprint of the policy, the tickers and the code: walks of another kind begin by themselves.';
COMMENT ON COLUMN backtest_states.as_of IS 'Last session that is done.';
COMMENT ON COLUMN backtest_states.state IS 'Models in use, rejections and monitors.';
COMMENT ON COLUMN backtest_states.run_id IS 'Run that wrote it.';
COMMENT ON COLUMN backtest_states.written_at IS 'When it was written.';

ALTER TABLE forecast_inputs ADD COLUMN forecast_sessions INTEGER;
COMMENT ON COLUMN forecast_inputs.forecast_sessions IS 'Sessions that a ticker had to have to be among those of a session; NULL where an earlier release wrote the row, and took all of them.';
