-- Which forecasts another model had to make, and what a duel of models is about.

ALTER TABLE forecasts ADD COLUMN fallback VARCHAR;
COMMENT ON COLUMN forecasts.fallback IS 'What forecast in the place of the ticker''s own network: base or har; NULL where that did, or where history is too short for one.';
DROP VIEW latest_forecasts;
ALTER TABLE newest_forecasts ADD COLUMN fallback VARCHAR;
COMMENT ON COLUMN newest_forecasts.fallback IS 'What forecast in the place of the ticker''s own network: base or har; NULL where that did, or where history is too short for one.';
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

COMMENT ON COLUMN models.validation_loss IS 'Mean loss in nats on the last 64 sessions, which the training of a ticker leaves out (of a base: that of its twin, which has not seen them either); where it met no other model, on the stretch that its training held out.';
COMMENT ON COLUMN models.champion_loss IS 'The same of the model that was in force (of a ticker without one: the base), on the same days; NULL where there was none.';
