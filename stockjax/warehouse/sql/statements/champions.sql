-- The models in force at the close of $as_of: of each ticker and of the base the champion, or,
-- where that has seen later sessions, the newest of those before it that had not.
SELECT model_id, ticker, role, trained_through, validation_loss, champion_loss, path, sha256,
    hyperparameters, seed, data_hash, code_version, parent_id
FROM models
WHERE status IN ('champion', 'retired')
    AND purged_at IS NULL
    AND NOT coalesce(replayed, false)
    AND trained_through <= $as_of
    AND (role = 'base' OR ticker IN (SELECT unnest($tickers)))
QUALIFY row_number() OVER (
    PARTITION BY role, ticker ORDER BY status = 'champion' DESC, trained_through DESC, trained_at DESC
) = 1;
