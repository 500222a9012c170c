-- Runs that died, and files that are deleted by age.

ALTER TABLE models ADD COLUMN purged_at TIMESTAMP;
