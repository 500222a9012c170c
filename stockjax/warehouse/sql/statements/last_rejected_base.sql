SELECT max(trained_through)
FROM models
WHERE role = 'base'
    AND status = 'rejected'
    AND NOT coalesce(replayed, false)
    AND json_extract(hyperparameters, '$.search') IS NULL
    AND trained_through <= $as_of;
