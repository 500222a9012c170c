-- The models of $model_ids beside the ones that they displace. They begin with the session after the
-- last that a night has forecast from, and never before what was to begin without them.
CREATE OR REPLACE TEMP TABLE promotions AS
WITH last AS (
    SELECT ticker, max(as_of) AS as_of FROM forecasts WHERE origin <> 'backtest' GROUP BY ticker
)
SELECT
    models.model_id, models.role, models.ticker, models.status AS previous, champions.model_id AS displaced,
    coalesce(greatest(
        CASE WHEN models.role = 'base' THEN (SELECT max(as_of) FROM last) ELSE last.as_of END + 1,
        champions.since,
        models.trained_through
    ), models.trained_through) AS since
FROM models
LEFT JOIN last ON last.ticker = models.ticker
LEFT JOIN champions ON champions.role = models.role AND champions.ticker IS NOT DISTINCT FROM models.ticker
WHERE models.model_id IN (SELECT unnest($model_ids)) AND champions.model_id IS DISTINCT FROM models.model_id;
