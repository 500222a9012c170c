-- Champions that had seen nothing after $as_of.
SELECT model_id, ticker, role, trained_through, validation_loss, champion_loss, path, sha256,
    hyperparameters, seed, data_hash, code_version, parent_id
FROM models
WHERE status = 'champion'
    AND trained_through <= $as_of
    AND (role = 'base' OR list_contains($tickers, ticker));
