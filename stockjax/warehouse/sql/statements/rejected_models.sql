SELECT count(*)
FROM models
WHERE status = 'rejected' AND trained_through = $as_of AND NOT coalesce(replayed, false);
