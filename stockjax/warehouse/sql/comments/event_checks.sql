COMMENT ON TABLE event_checks IS 'When sources of announcements last answered: one row per ticker and source.';
COMMENT ON COLUMN event_checks.ticker IS 'Symbol as the source of prices spells it.';
COMMENT ON COLUMN event_checks.source IS 'The source that answered.';
COMMENT ON COLUMN event_checks.as_of IS 'Newest session of a run that asked.';
COMMENT ON COLUMN event_checks.content IS 'Fingerprint of the file that answered; empty for a vendor.';
COMMENT ON COLUMN event_checks.run_id IS 'Run that asked.';
COMMENT ON COLUMN event_checks.checked_at IS 'When it answered (UTC).';
