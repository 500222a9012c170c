-- Whoever has a newer champion among `fresh` steps down, unless it was put back for later sessions.
UPDATE models
SET status = 'retired'
FROM champions
JOIN fresh AS successor
    ON successor.status = 'champion'
    AND successor.role = champions.role
    AND successor.ticker IS NOT DISTINCT FROM champions.ticker
    AND successor.trained_through >= champions.since
    AND successor.model_id <> champions.model_id
WHERE models.model_id = champions.model_id;
