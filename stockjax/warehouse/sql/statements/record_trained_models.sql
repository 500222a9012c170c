-- What a run has just changed: any model whose status is not the one that was noted last.
INSERT INTO model_changes BY NAME
WITH noted AS (SELECT model_id, arg_max(status, change) AS status FROM model_changes GROUP BY model_id),
changed AS (
    SELECT
        models.model_id, models.role, models.ticker, noted.status AS previous, models.status,
        CASE WHEN noted.status = 'champion' THEN coalesce(champions.since, trained_through) ELSE trained_through END AS since,
        CASE WHEN noted.status = 'champion' THEN 'replaced' ELSE 'trained' END AS cause
    FROM models
    LEFT JOIN noted USING (model_id)
    LEFT JOIN champions ON champions.role = models.role AND champions.ticker IS NOT DISTINCT FROM models.ticker
    WHERE NOT coalesce(replayed, false) AND models.status IS DISTINCT FROM noted.status
)
SELECT
    (SELECT coalesce(max(change), 0) FROM model_changes)
        + row_number() OVER (ORDER BY status = 'champion', model_id) AS change,
    changed.*, $run_id AS run_id, $changed_at AS changed_at
FROM changed;
