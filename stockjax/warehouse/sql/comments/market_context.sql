COMMENT ON TABLE market_context IS 'Closes of series that are fetched and not forecast, as the index of implied volatility.';
COMMENT ON COLUMN market_context.series IS 'Symbol of the series, as ^VIX.';
COMMENT ON COLUMN market_context.session IS 'Session of the close.';
COMMENT ON COLUMN market_context.close IS 'Close, in the units of the series.';
COMMENT ON COLUMN market_context.known_from IS 'Session of the run that stored it.';
COMMENT ON COLUMN market_context.source IS 'Source that delivered it.';
COMMENT ON COLUMN market_context.run_id IS 'Run that stored it.';
COMMENT ON COLUMN market_context.recorded_at IS 'When it was stored (UTC).';
