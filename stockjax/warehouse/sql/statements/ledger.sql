-- name: stage_added_forecasts
-- A row once written is never changed: rows that the ledger has are skipped. The bound on as_of lets
-- the scan of the ledger skip what is older than all the rows.
CREATE OR REPLACE TEMP TABLE added AS
SELECT rows.*, $code_version AS code_version, $run_id AS run_id, $created_at AS created_at
FROM rows
ANTI JOIN (
    SELECT ticker, as_of, model, origin FROM forecasts WHERE as_of >= $first
) AS kept USING (ticker, as_of, model, origin)
QUALIFY row_number() OVER (PARTITION BY ticker, as_of, model, origin) = 1;

-- name: append_forecasts
INSERT INTO forecasts BY NAME FROM added ORDER BY as_of, ticker, model;

-- name: stage_newest_forecasts
CREATE OR REPLACE TEMP TABLE newest AS
FROM (
    SELECT * FROM newest_forecasts SEMI JOIN added USING (ticker, model)
    UNION ALL BY NAME
    SELECT * FROM added WHERE origin IN ('nightly', 'catchup')
)
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC) = 1;

-- name: delete_newest_forecasts
DELETE FROM newest_forecasts USING newest
WHERE newest_forecasts.ticker = newest.ticker AND newest_forecasts.model = newest.model;

-- name: insert_newest_forecasts
INSERT INTO newest_forecasts BY NAME FROM newest ORDER BY ticker, model;

-- name: mark_added_forecasts
INSERT INTO unscored SELECT ticker, min(target) FROM added GROUP BY ticker;

-- name: insert_inputs
INSERT INTO forecast_inputs BY NAME
SELECT given.*
FROM (
    SELECT $run_id AS run_id, $replayed AS replayed, $as_of AS as_of, $read_at AS read_at,
        $tickers::VARCHAR[] AS tickers, $exchanges::VARCHAR[] AS exchanges, $fingerprints::VARCHAR[] AS fingerprints,
        $forecast_sessions::INTEGER AS forecast_sessions, $context::JSON AS context
) AS given
ANTI JOIN forecast_inputs USING (run_id, replayed, as_of);

-- name: forecast_counts
-- How many models have forecast each session: the plan skips what is complete.
SELECT ticker, as_of, count(DISTINCT model) AS models
FROM forecasts
WHERE ticker IN (SELECT unnest($tickers)) AND as_of BETWEEN $first AND $last
    AND list_contains($origins, origin)
GROUP BY ticker, as_of;

-- name: first_live_sessions
-- The first live session of each ticker, backtests left out.
SELECT ticker, min(as_of)
FROM forecasts
WHERE origin IN ('nightly', 'catchup') AND ticker IN (SELECT unnest($tickers))
GROUP BY ticker;

-- name: backtest_recipes
-- How the models were trained whose backtest forecasts of a range are stored.
SELECT DISTINCT models.hyperparameters
FROM forecasts
JOIN models USING (model_id)
WHERE forecasts.origin = 'backtest' AND forecasts.as_of BETWEEN $first AND $last
    AND forecasts.ticker IN (SELECT unnest($tickers));

-- name: auditable_forecasts
-- The forecasts of the network after whose session prices of the ticker are known.
WITH newest AS (SELECT ticker, max(session) AS session FROM prices GROUP BY ticker)
SELECT DISTINCT forecasts.as_of, forecasts.ticker
FROM forecasts
JOIN prices AS basis ON basis.ticker = forecasts.ticker AND basis.session = forecasts.as_of
JOIN newest ON newest.ticker = forecasts.ticker AND newest.session > forecasts.as_of
WHERE forecasts.model = 'lstm' AND (len($tickers) = 0 OR forecasts.ticker IN (SELECT unnest($tickers)))
ORDER BY forecasts.as_of, forecasts.ticker;

-- name: explained_forecasts
-- Rows of the ledger with what they were made from, and how the run that made them computed.
SELECT forecasts.*, inputs.as_of AS through, inputs.read_at, inputs.tickers, inputs.exchanges, inputs.fingerprints,
    inputs.replayed, inputs.forecast_sessions, inputs.context, runs.environment
FROM forecasts
LEFT JOIN forecast_inputs AS inputs
    ON inputs.run_id = forecasts.run_id
    AND inputs.replayed = (forecasts.origin = 'backtest')
    AND (inputs.replayed OR inputs.as_of = forecasts.as_of)
LEFT JOIN runs ON runs.run_id = forecasts.run_id
WHERE forecasts.ticker = $ticker AND CASE WHEN $by_target THEN forecasts.target ELSE forecasts.as_of END = $day
ORDER BY list_position(['nightly', 'catchup', 'backtest'], forecasts.origin), forecasts.model;

-- name: forecast_days
SELECT count(*) AS n, min(as_of) AS first, max(as_of) AS last FROM forecasts WHERE ticker = $ticker;
