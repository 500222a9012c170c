-- Which models were activated or replaced, when, by whom and why?
SELECT
    changed_at, coalesce(ticker, role) AS whose, model_id, previous, status, since, cause, reason,
    coalesce(changed_by, 'run ' || run_id) AS changed_by
FROM model_changes
WHERE getvariable('ticker') IS NULL OR ticker = getvariable('ticker')
ORDER BY change DESC
LIMIT coalesce(getvariable('rows')::INTEGER, 20);
