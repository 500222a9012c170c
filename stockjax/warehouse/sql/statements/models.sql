-- name: insert_models
-- A champion trained on the past does not take over from one that has seen more.
INSERT INTO models BY NAME
SELECT
    fresh.* REPLACE (
        hyperparameters::JSON AS hyperparameters,
        CASE WHEN EXISTS (
            FROM active AS newer
            JOIN models AS kept ON kept.model_id = newer.model_id AND kept.status = 'champion'
            WHERE newer.role = fresh.role
                AND newer.ticker IS NOT DISTINCT FROM fresh.ticker
                AND newer.since > fresh.trained_through
        ) AND fresh.status = 'champion' THEN 'retired' ELSE fresh.status END AS status
    ),
    $run_id AS run_id,
    $trained_at AS trained_at
FROM fresh
ANTI JOIN models USING (model_id);

-- name: renew_model_files
-- The same model made again: because its file was lost, damaged or deleted, or because a backtest trained
-- it first and a night trains it now.
UPDATE models
SET path = fresh.path, sha256 = fresh.sha256, slice_sha256 = fresh.slice_sha256, purged_at = NULL,
    status = CASE WHEN coalesce(models.replayed, false) AND NOT fresh.replayed THEN fresh.status ELSE models.status END,
    replayed = coalesce(models.replayed, false) AND fresh.replayed
FROM (
    SELECT model_id, path, sha256, slice_sha256, replayed,
        CASE WHEN EXISTS (
            FROM active AS newer
            JOIN models AS kept ON kept.model_id = newer.model_id AND kept.status = 'champion'
            WHERE newer.role = fresh.role
                AND newer.ticker IS NOT DISTINCT FROM fresh.ticker
                AND newer.since > fresh.trained_through
        ) AND status = 'champion' THEN 'retired' ELSE status END AS status
    FROM fresh
) AS fresh
WHERE models.model_id = fresh.model_id;

-- name: stage_active_models
-- The active models before those of `fresh` are added; the view takes long to plan.
CREATE OR REPLACE TEMP TABLE active AS FROM champions;

-- name: retire_champions
-- A champion with a newer one among `fresh` is retired, unless it was activated for later sessions.
UPDATE models
SET status = 'retired'
FROM active
JOIN fresh AS successor
    ON successor.status = 'champion'
    AND successor.role = active.role
    AND successor.ticker IS NOT DISTINCT FROM active.ticker
    AND successor.trained_through >= active.since
    AND successor.model_id <> active.model_id
WHERE models.model_id = active.model_id;

-- name: record_trained_models
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

-- name: champions
-- The active models at the close of $as_of: of each ticker and of the base the one that was activated last.
-- Later activations do not change the past.
SELECT models.model_id, models.ticker, models.role, trained_through, validation_loss, champion_loss, path, sha256,
    slice_sha256, hyperparameters, seed, data_hash, code_version, parent_id,
    CASE WHEN start.cause <> 'trained' THEN start.since END AS activated_on
FROM models
JOIN model_starts AS start USING (model_id)
LEFT JOIN champions AS present ON present.model_id = models.model_id AND present.since = start.since
WHERE status IN ('champion', 'retired')
    AND purged_at IS NULL
    AND NOT coalesce(replayed, false)
    AND trained_through <= $as_of
    AND start.since <= $as_of
    AND (models.role = 'base' OR models.ticker IN (SELECT unnest($tickers)))
QUALIFY row_number() OVER (
    PARTITION BY models.role, models.ticker
    ORDER BY present.model_id IS NOT NULL DESC, start.since DESC, start.changed_at DESC, start.change DESC
) = 1;

-- name: active_models
-- The active models at the close of $as_of, whether their files are still kept or not; all tickers if none is named.
SELECT models.model_id, models.role, models.ticker, status, trained_through, trained_at,
    validation_loss, champion_loss,
    path, sha256, slice_sha256, purged_at, hyperparameters, seed, code_version, data_hash, parent_id, start.since, start.cause,
    coalesce(replayed, false) AS replayed
FROM models
JOIN model_starts AS start USING (model_id)
LEFT JOIN champions AS present ON present.model_id = models.model_id AND present.since = start.since
WHERE status IN ('champion', 'retired')
    AND NOT coalesce(replayed, false)
    AND trained_through <= $as_of
    AND start.since <= $as_of
    AND (len($tickers) = 0 OR models.ticker IN (SELECT unnest($tickers)))
QUALIFY row_number() OVER (
    PARTITION BY models.role, models.ticker
    ORDER BY present.model_id IS NOT NULL DESC, start.since DESC, start.changed_at DESC, start.change DESC
) = 1
ORDER BY models.role, models.ticker;

-- name: models_by_id
SELECT models.model_id, models.role, models.ticker, status, trained_through, trained_at,
    validation_loss, champion_loss, path, sha256, slice_sha256, purged_at,
    hyperparameters, seed, code_version, data_hash, parent_id, champions.since, NULL AS cause,
    coalesce(replayed, false) AS replayed
FROM models
LEFT JOIN champions USING (model_id)
WHERE models.model_id IN (SELECT unnest($model_ids))
ORDER BY models.role, models.ticker, trained_through;

-- name: models_of_run
-- The networks that a run forecast with, from its session; those of its backtest are not among them.
SELECT DISTINCT forecasts.model_id
FROM forecasts
JOIN runs USING (run_id)
WHERE forecasts.run_id = $run_id AND forecasts.origin <> 'backtest' AND forecasts.model_id IS NOT NULL
QUALIFY rank() OVER (PARTITION BY forecasts.ticker ORDER BY forecasts.as_of DESC) = 1
ORDER BY forecasts.model_id;

-- name: models_of_tickers
-- Models that a night or a search has made, newest first; with $tickers all of theirs, else champions and challengers.
SELECT models.model_id, models.role, models.ticker, status, trained_through, validation_loss, purged_at, champions.since
FROM models
LEFT JOIN champions USING (model_id)
WHERE NOT coalesce(replayed, false)
    AND CASE WHEN len($tickers) = 0 THEN status IN ('champion', 'challenger')
        ELSE models.ticker IN (SELECT unnest($tickers)) END
ORDER BY models.role, models.ticker, champions.since IS NULL, trained_through DESC, trained_at DESC;

-- name: changes_of_models
SELECT change, model_id, previous, status, since, cause, reason, changed_at, changed_by, run_id
FROM model_changes
WHERE model_id IN (SELECT unnest($model_ids))
ORDER BY change;

-- name: known_model_tickers
SELECT DISTINCT ticker FROM models WHERE ticker IS NOT NULL AND NOT coalesce(replayed, false) ORDER BY ticker;

-- name: first_model_session
SELECT min(since) AS first FROM model_starts;

-- name: challengers
SELECT model_id, ticker, role, trained_through, validation_loss, champion_loss, path, sha256,
    slice_sha256, hyperparameters, seed, data_hash, code_version, parent_id
FROM models
WHERE role = 'base'
    AND status = 'challenger'
    AND purged_at IS NULL
    AND NOT coalesce(replayed, false)
    AND trained_through <= $as_of
ORDER BY trained_through DESC, trained_at DESC, model_id;

-- name: settle_losses
UPDATE models
SET validation_loss = $validation_loss, champion_loss = $champion_loss,
    status = CASE WHEN $won THEN status ELSE 'rejected' END
WHERE model_id = $model_id;

-- name: stage_promotions
-- The models of $model_ids and the ones that they displace. They begin with the session after the
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

-- name: promotions
SELECT model_id, role, ticker, displaced, since FROM promotions ORDER BY role, ticker;

-- name: promote_models
UPDATE models
SET status = CASE WHEN models.model_id = promotions.model_id THEN 'champion' ELSE 'retired' END
FROM promotions
WHERE models.model_id IN (promotions.model_id, promotions.displaced);

-- name: record_promotions
INSERT INTO model_changes BY NAME
WITH changed AS (
    SELECT displaced AS model_id, role, ticker, 'champion' AS previous, 'retired' AS status, since
    FROM promotions
    WHERE displaced IS NOT NULL
    UNION ALL BY NAME
    SELECT model_id, role, ticker, previous, 'champion' AS status, since FROM promotions
)
SELECT
    (SELECT coalesce(max(change), 0) FROM model_changes)
        + row_number() OVER (ORDER BY status = 'champion', model_id) AS change,
    changed.*, $cause AS cause, $reason AS reason, $changed_at AS changed_at, $changed_by AS changed_by
FROM changed;

-- name: last_rejected_base
SELECT max(trained_through)
FROM models
WHERE role = 'base'
    AND status = 'rejected'
    AND NOT coalesce(replayed, false)
    AND json_extract(hyperparameters, '$.search') IS NULL
    AND trained_through <= $as_of;

-- name: rejected_models
SELECT count(*)
FROM models
WHERE status = 'rejected' AND trained_through = $as_of AND NOT coalesce(replayed, false);

-- name: last_trainings
-- The last session of any training of a night, by ticker; NULL is the base. Accepted or rejected: both answer an
-- alarm. The base that a search has found has other settings, and is no answer.
SELECT ticker, max(trained_through) AS trained_through
FROM models
WHERE NOT coalesce(replayed, false)
    AND json_extract(hyperparameters, '$.search') IS NULL
    AND trained_through BETWEEN $first AND $as_of
    AND (role = 'base' OR ticker IN (SELECT unnest($tickers)))
GROUP BY role, ticker;

-- name: has_model
-- Whether a model of that name has ever been kept.
SELECT count(*) > 0 FROM models WHERE model_id = $model_id;

-- name: purge_models
-- Marks old inactive models as deleted; an active model is never deleted.
UPDATE models
SET purged_at = $moment
WHERE status IN ('retired', 'rejected', 'challenger') AND purged_at IS NULL AND trained_at < $before;

-- name: half_purged_files
-- Models that are kept, in files that have models that are not.
SELECT model_id, path, sha256, slice_sha256
FROM models
WHERE purged_at IS NULL AND slice_sha256 IS NOT NULL
    AND path IN (SELECT path FROM models WHERE purged_at IS NOT NULL AND slice_sha256 IS NOT NULL)
ORDER BY path, model_id;

-- name: move_models
UPDATE models
SET path = moved.path, sha256 = moved.sha256, slice_sha256 = moved.slice_sha256
FROM moved
WHERE models.model_id = moved.model_id;

-- name: kept_model_files
-- The files of all models that are kept.
SELECT path FROM models WHERE purged_at IS NULL;

-- name: append_backtest_changes
-- In the order in which the nights would have changed them; written again, nothing is added.
INSERT INTO backtest_model_changes BY NAME
SELECT
    (SELECT coalesce(max(change), 0) FROM backtest_model_changes)
        + row_number() OVER (ORDER BY since, role = 'ticker', status = 'champion', model_id) AS change,
    changes.* REPLACE (since::DATE AS since),
    $run_id AS run_id, $changed_at AS changed_at
FROM changes
ANTI JOIN backtest_model_changes AS noted USING (model_id, status, since);
