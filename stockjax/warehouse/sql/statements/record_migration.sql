INSERT INTO schema_migrations VALUES ($name, now() AT TIME ZONE 'UTC');
