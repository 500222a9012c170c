COMMENT ON TABLE set_aside IS 'Rows of earlier releases with values that are not finite, or quantiles that do not ascend: taken out of their table by a migration. A row of models stays there without its losses.';
COMMENT ON COLUMN set_aside.table_name IS 'Table that had the row.';
COMMENT ON COLUMN set_aside."row" IS 'The row as it was, as text.';
COMMENT ON COLUMN set_aside.moved_at IS 'When it was set aside.';
