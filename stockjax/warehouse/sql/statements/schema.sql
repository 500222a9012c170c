-- name: schema_migrations
CREATE TABLE IF NOT EXISTS schema_migrations (name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL);
COMMENT ON TABLE schema_migrations IS 'Changes of the schema that this warehouse has had.';
COMMENT ON COLUMN schema_migrations.name IS 'File name of the migration.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it ran.';

-- name: record_migration
INSERT INTO schema_migrations VALUES ($name, now() AT TIME ZONE 'UTC');

-- name: record_views
DELETE FROM schema_views;
INSERT INTO schema_views BY NAME SELECT $fingerprint AS fingerprint, now() AT TIME ZONE 'UTC' AS applied_at;

-- name: data_dictionary
SELECT columns.table_name, relations.kind, relations.comment, columns.column_name, columns.data_type, columns.comment
FROM duckdb_columns() AS columns
JOIN (
    SELECT table_name AS name, 'table' AS kind, comment FROM duckdb_tables() WHERE database_name = current_database()
    UNION ALL
    SELECT view_name AS name, 'view' AS kind, comment FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
) AS relations ON relations.name = columns.table_name
WHERE NOT columns.internal AND columns.database_name = current_database()
ORDER BY relations.kind, columns.table_name, columns.column_index;

-- name: macros
SELECT function_name, parameters, comment
FROM duckdb_functions()
WHERE function_type = 'table_macro' AND NOT internal AND database_name = current_database()
ORDER BY function_name;

-- name: rows_only_published
SELECT name, missing
FROM (
    SELECT 'forecasts' AS name, (SELECT count(*) FROM published.forecasts) - (SELECT count(*) FROM forecasts) AS missing
    UNION ALL
    SELECT 'runs' AS name, (SELECT count(*) FROM published.runs) - (SELECT count(*) FROM runs) AS missing
)
WHERE missing > 0;
