-- The same model made again: because its file was lost, damaged or let go, or because what was trained
-- for a replay is now trained for a night, and comes into force.
UPDATE models
SET path = fresh.path, sha256 = fresh.sha256, purged_at = NULL,
    status = CASE WHEN coalesce(models.replayed, false) AND NOT fresh.replayed THEN fresh.status ELSE models.status END,
    replayed = coalesce(models.replayed, false) AND fresh.replayed
FROM (
    SELECT model_id, path, sha256, replayed,
        CASE WHEN EXISTS (
            FROM champions AS newer
            WHERE newer.role = fresh.role
                AND newer.ticker IS NOT DISTINCT FROM fresh.ticker
                AND newer.since > fresh.trained_through
        ) AND status = 'champion' THEN 'retired' ELSE status END AS status
    FROM fresh
) AS fresh
WHERE models.model_id = fresh.model_id;
