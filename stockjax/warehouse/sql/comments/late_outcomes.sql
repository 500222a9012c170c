COMMENT ON TABLE late_outcomes IS 'Targets of forecasts without a price of the ticker, and its next session that has one: kept up when forecasts are scored.';
COMMENT ON COLUMN late_outcomes.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN late_outcomes.target IS 'Session that forecasts are about and that the ticker has no price of.';
COMMENT ON COLUMN late_outcomes.session IS 'First session after it that the ticker has a price of.';
