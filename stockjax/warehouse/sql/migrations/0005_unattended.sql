-- What nights without a human hand need: runs that died are told apart, old files are let go.
COMMENT ON COLUMN runs.status IS 'running, completed, failed, or crashed: its process died before it could say how it ended.';
COMMENT ON COLUMN runs.finished_at IS 'When it ended; NULL while it runs; of a crashed run, when the next one found that out.';
ALTER TABLE models ADD COLUMN purged_at TIMESTAMP;
COMMENT ON COLUMN models.purged_at IS 'When its file was let go, after the age that the settings give; NULL while it is kept. The row stays.';
