COMMENT ON TABLE schema_views IS 'Which scripts of views the database has: one row.';
COMMENT ON COLUMN schema_views.fingerprint IS 'SHA-256 over the scripts, in hexadecimal.';
COMMENT ON COLUMN schema_views.applied_at IS 'When they were applied.';
