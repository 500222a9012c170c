SELECT columns.table_name, relations.kind, relations.comment, columns.column_name, columns.data_type, columns.comment
FROM duckdb_columns() AS columns
JOIN (
    SELECT table_name AS name, 'table' AS kind, comment FROM duckdb_tables() WHERE database_name = current_database()
    UNION ALL
    SELECT view_name AS name, 'view' AS kind, comment FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
) AS relations ON relations.name = columns.table_name
WHERE NOT columns.internal AND columns.database_name = current_database()
ORDER BY relations.kind, columns.table_name, columns.column_index;
