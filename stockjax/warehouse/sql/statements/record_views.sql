DELETE FROM schema_views;
INSERT INTO schema_views BY NAME SELECT $fingerprint AS fingerprint, now() AT TIME ZONE 'UTC' AS applied_at;
