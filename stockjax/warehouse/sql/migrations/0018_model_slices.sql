-- The models of a night share a file.
ALTER TABLE models ADD COLUMN slice_sha256 VARCHAR;
