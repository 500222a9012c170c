-- The files of all models that are kept.
SELECT path FROM models WHERE purged_at IS NULL;
