SELECT change, model_id, previous, status, since, cause, reason, changed_at, changed_by, run_id
FROM model_changes
WHERE model_id IN (SELECT unnest($model_ids))
ORDER BY change;
