SELECT function_name, parameters, comment
FROM duckdb_functions()
WHERE function_type = 'table_macro' AND NOT internal AND database_name = current_database()
ORDER BY function_name;
