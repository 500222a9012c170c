COMMENT ON TABLE unscored IS 'What rolling_metrics has yet to catch up with; empty after a run.';
COMMENT ON COLUMN unscored.ticker IS 'Ticker of which prices or forecasts were stored or replaced.';
COMMENT ON COLUMN unscored.first_session IS 'First session from which its scores may have changed.';
