CREATE OR REPLACE VIEW model_starts AS
SELECT model_id, since, changed_at, change, cause
FROM (
    SELECT *, row_number() OVER (PARTITION BY model_id ORDER BY change) = 1 AS first FROM model_changes
)
-- Trained late for a past session, when a newer one was active already, a model enters as retired.
WHERE status = 'champion' OR (status = 'retired' AND first)
UNION ALL
SELECT model_id, trained_through AS since, trained_at AS changed_at, 0 AS change, 'trained' AS cause
FROM models
WHERE NOT coalesce(replayed, false)
    AND (
        (status = 'champion' AND model_id NOT IN (SELECT model_id FROM model_changes WHERE status = 'champion'))
        OR (status = 'retired' AND model_id NOT IN (SELECT model_id FROM model_changes))
    );
COMMENT ON VIEW model_starts IS 'The session from which each model was active; at a session, the one that started last is active.';
COMMENT ON COLUMN model_starts.model_id IS 'Row of models.';
COMMENT ON COLUMN model_starts.since IS 'First day whose forecasts it makes, if that is a session.';
COMMENT ON COLUMN model_starts.changed_at IS 'When that was settled.';
COMMENT ON COLUMN model_starts.change IS 'Row of model_changes; 0 where there is none.';
COMMENT ON COLUMN model_starts.cause IS 'trained, rollback or promote.';
