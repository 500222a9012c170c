CREATE OR REPLACE VIEW champions AS
SELECT models.model_id, models.role, models.ticker, max(start.since) AS since
FROM models
JOIN model_starts AS start USING (model_id)
WHERE models.status = 'champion'
GROUP BY ALL;
COMMENT ON VIEW champions IS 'The active models now.';
COMMENT ON COLUMN champions.model_id IS 'Row of models.';
COMMENT ON COLUMN champions.role IS 'base or ticker.';
COMMENT ON COLUMN champions.ticker IS 'Ticker it forecasts; NULL for a base.';
COMMENT ON COLUMN champions.since IS 'First day whose forecasts it makes, if that is a session.';
