SELECT model_id, ticker, role, trained_through, validation_loss, champion_loss, path, sha256,
    hyperparameters, seed, data_hash, code_version, parent_id
FROM models
WHERE role = 'base'
    AND status = 'challenger'
    AND purged_at IS NULL
    AND NOT coalesce(replayed, false)
    AND trained_through <= $as_of
ORDER BY trained_through DESC, trained_at DESC, model_id;
