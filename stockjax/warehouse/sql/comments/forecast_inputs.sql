COMMENT ON TABLE forecast_inputs IS 'The inputs of forecasts: all tickers whose prices make up the market features, and when they were read.';
COMMENT ON COLUMN forecast_inputs.run_id IS 'Run whose forecasts these are.';
COMMENT ON COLUMN forecast_inputs.replayed IS 'true: of all its forecasts of origin backtest. false: of those of a night, made from as_of.';
COMMENT ON COLUMN forecast_inputs.as_of IS 'Last session whose prices were at hand.';
COMMENT ON COLUMN forecast_inputs.read_at IS 'When the prices were read: prices_as_of(read_at) has them.';
COMMENT ON COLUMN forecast_inputs.tickers IS 'Tickers, in the order in which the market was summed up.';
COMMENT ON COLUMN forecast_inputs.exchanges IS 'Exchange calendar of each of them, by its ISO 10383 code.';
COMMENT ON COLUMN forecast_inputs.fingerprints IS 'Fingerprint of the prices of each of them up to as_of.';
COMMENT ON COLUMN forecast_inputs.forecast_sessions IS 'Sessions that a ticker had to have to be among those of a session; NULL where an earlier release wrote the row, and took all of them.';
