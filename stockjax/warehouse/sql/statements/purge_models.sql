-- Lets go of models that are old and not in force; who is in force is never let go.
UPDATE models
SET purged_at = $moment
WHERE status IN ('retired', 'rejected', 'challenger') AND purged_at IS NULL AND trained_at < $before;
