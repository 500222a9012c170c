-- Whoever has a newer champion among `fresh` steps down.
UPDATE models
SET status = 'retired'
FROM (SELECT model_id, role, ticker, trained_through FROM fresh WHERE status = 'champion') AS successor
WHERE models.status = 'champion'
    AND models.role = successor.role
    AND models.ticker IS NOT DISTINCT FROM successor.ticker
    AND models.trained_through <= successor.trained_through
    AND models.model_id <> successor.model_id;
