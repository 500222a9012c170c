-- The models in force at the close of $as_of, whether their files are still kept or not; all tickers if none is named.
SELECT models.model_id, models.role, models.ticker, status, trained_through, trained_at,
    validation_loss, champion_loss,
    path, sha256, purged_at, hyperparameters, seed, code_version, data_hash, parent_id, start.since, start.cause,
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
