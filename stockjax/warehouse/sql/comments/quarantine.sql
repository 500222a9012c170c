COMMENT ON TABLE quarantine IS 'Rows that a check refused or flagged; nothing is dropped silently.';
COMMENT ON COLUMN quarantine.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN quarantine.session IS 'Date of the row; NULL where it has none that can be read.';
COMMENT ON COLUMN quarantine.reason IS 'Name of the check.';
COMMENT ON COLUMN quarantine.severity IS 'reject (kept out of prices), repair (stored repaired) or flag (stored as delivered).';
COMMENT ON COLUMN quarantine."row" IS 'The row as it was delivered.';
COMMENT ON COLUMN quarantine.source IS 'Source that delivered it.';
COMMENT ON COLUMN quarantine.run_id IS 'Run that saw it first.';
COMMENT ON COLUMN quarantine.seen_at IS 'When it was first seen.';
