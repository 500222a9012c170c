COMMENT ON TABLE storage_order IS 'How far the rows of large tables are sorted by ticker in the file, so that a question about one ticker reads little.';
COMMENT ON COLUMN storage_order.table_name IS 'forecasts or prices.';
COMMENT ON COLUMN storage_order.run_after IS 'Rows stored after this are sorted again together with later ones.';
COMMENT ON COLUMN storage_order.sorted_through IS 'Rows stored after this are in the order in which runs added them.';
