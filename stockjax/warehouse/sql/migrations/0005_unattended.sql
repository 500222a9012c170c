-- What nights without a human hand need: runs that died are told apart, old files are let go.

ALTER TABLE models ADD COLUMN purged_at TIMESTAMP;
