COMMENT ON TABLE unit_changes IS 'Sessions on which the units of close change: splits, as prices show them. It brings money errors before and after to the same units.';
COMMENT ON COLUMN unit_changes.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN unit_changes.session IS 'First session in the new units.';
COMMENT ON COLUMN unit_changes.log_change IS 'Log of the factor from the new units to those before; at the first session of a ticker, minus the log of its close. In multiples of 2^-40, so that sums of them are exact.';
