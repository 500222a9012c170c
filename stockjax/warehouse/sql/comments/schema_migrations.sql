COMMENT ON TABLE schema_migrations IS 'Changes of the schema that this warehouse has had.';
COMMENT ON COLUMN schema_migrations.name IS 'File name of the migration.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it ran.';
