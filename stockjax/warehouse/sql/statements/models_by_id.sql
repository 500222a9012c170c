SELECT models.model_id, models.role, models.ticker, status, trained_through, trained_at,
    validation_loss, champion_loss, path, sha256, purged_at,
    hyperparameters, seed, code_version, data_hash, parent_id, champions.since, NULL AS cause,
    coalesce(replayed, false) AS replayed
FROM models
LEFT JOIN champions USING (model_id)
WHERE models.model_id IN (SELECT unnest($model_ids))
ORDER BY models.role, models.ticker, trained_through;
