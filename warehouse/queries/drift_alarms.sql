-- Which alarms of drift were there, newest first, and which model was trained in the run that raised them?
SELECT
    drift.as_of, drift.session, drift.scope, drift.ticker, drift.monitor, drift.direction, drift.observation,
    drift.evidence, drift.threshold, drift.seen AS observations_before, trained.model_id AS trained, trained.status
FROM drift
LEFT JOIN models AS trained
    ON trained.run_id = drift.run_id AND NOT coalesce(trained.replayed, false)
    AND CASE drift.scope WHEN 'ticker' THEN trained.ticker = drift.ticker ELSE trained.role = 'base' END
WHERE drift.alarm AND (getvariable('ticker') IS NULL OR drift.ticker = getvariable('ticker'))
ORDER BY drift.as_of DESC, drift.scope DESC, drift.ticker, drift.monitor, drift.session DESC, trained.trained_through DESC
LIMIT coalesce(getvariable('rows')::INTEGER, 20);
