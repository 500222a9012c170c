COMMENT ON TABLE listings IS 'Where vendors say that tickers trade; settings may say otherwise, see tickers.';
COMMENT ON COLUMN listings.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN listings.exchange IS 'Exchange calendar, by its ISO 10383 code.';
COMMENT ON COLUMN listings.source IS 'Source that said so.';
COMMENT ON COLUMN listings.learnt_at IS 'When it was said first.';
COMMENT ON COLUMN listings.run_id IS 'Run that received it.';
