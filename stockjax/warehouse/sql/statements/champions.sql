-- The models in force at the close of $as_of: of each ticker and of the base the one that began last.
-- What somebody put back later does not reach into the past.
SELECT models.model_id, models.ticker, models.role, trained_through, validation_loss, champion_loss, path, sha256,
    hyperparameters, seed, data_hash, code_version, parent_id,
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
