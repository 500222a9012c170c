-- The same model made again, because its file was lost or damaged: only the file is new.
UPDATE models
SET path = fresh.path, sha256 = fresh.sha256
FROM fresh
WHERE models.model_id = fresh.model_id;
