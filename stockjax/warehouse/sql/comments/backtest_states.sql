COMMENT ON TABLE backtest_states IS 'Where a walk through the past stands after its newest sessions, so that one that was cut off goes on with the same bits.';
COMMENT ON COLUMN backtest_states.line IS 'Fingerprint of the policy, the tickers and the code: walks of another kind begin by themselves.';
COMMENT ON COLUMN backtest_states.as_of IS 'Last session that is done.';
COMMENT ON COLUMN backtest_states.state IS 'Models in use, rejections and monitors.';
COMMENT ON COLUMN backtest_states.run_id IS 'Run that wrote it.';
COMMENT ON COLUMN backtest_states.written_at IS 'When it was written.';
