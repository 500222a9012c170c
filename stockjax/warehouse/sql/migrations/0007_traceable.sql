-- What it takes to make any forecast again, and to tell which model was in force when.

CREATE TABLE model_changes (
    change BIGINT NOT NULL,
    model_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    ticker VARCHAR,
    previous VARCHAR,
    status VARCHAR NOT NULL,
    since DATE NOT NULL,
    cause VARCHAR NOT NULL,
    reason VARCHAR,
    changed_at TIMESTAMP NOT NULL,
    changed_by VARCHAR,
    run_id VARCHAR
);
COMMENT ON TABLE model_changes IS 'Every change of the status of a model, append-only: who was champion when. Models of replays never were, and are not here.';
COMMENT ON COLUMN model_changes.change IS 'Number of the change, in the order in which they happened.';
COMMENT ON COLUMN model_changes.model_id IS 'Row of models.';
COMMENT ON COLUMN model_changes.role IS 'base or ticker.';
COMMENT ON COLUMN model_changes.ticker IS 'Ticker it was trained for; NULL for a base.';
COMMENT ON COLUMN model_changes.previous IS 'Status before; NULL where it had none.';
COMMENT ON COLUMN model_changes.status IS 'Status from then on: champion, challenger, retired or rejected.';
COMMENT ON COLUMN model_changes.since IS 'First day whose forecasts it holds for, if that is a session.';
COMMENT ON COLUMN model_changes.cause IS 'trained (a run made it), replaced (another one took its place), rollback or promote (somebody said so).';
COMMENT ON COLUMN model_changes.reason IS 'What somebody said of it (--reason); NULL if nothing.';
COMMENT ON COLUMN model_changes.changed_at IS 'When it happened.';
COMMENT ON COLUMN model_changes.changed_by IS 'User of the operating system who gave the command; NULL for a run.';
COMMENT ON COLUMN model_changes.run_id IS 'Run that did it; NULL for a command.';

INSERT INTO model_changes BY NAME
WITH known AS (
    SELECT *, lead(model_id) OVER line AS next_id, lead(trained_through) OVER line AS next_through,
        lead(trained_at) OVER line AS next_at, lead(run_id) OVER line AS next_run
    FROM models
    WHERE NOT coalesce(replayed, false) AND status IN ('champion', 'retired')
    WINDOW line AS (PARTITION BY role, ticker ORDER BY trained_through, trained_at, model_id)
),
told AS (
    SELECT model_id, role, ticker, NULL AS previous, 'champion' AS status, trained_through AS since, 'trained' AS cause,
        trained_at AS changed_at, run_id
    FROM known
    UNION ALL BY NAME
    SELECT model_id, role, ticker, 'champion' AS previous, 'retired' AS status, next_through AS since, 'replaced' AS cause,
        next_at AS changed_at, next_run AS run_id
    FROM known
    WHERE status = 'retired' AND next_id IS NOT NULL
    UNION ALL BY NAME
    SELECT model_id, role, ticker, NULL AS previous, status, trained_through AS since, 'trained' AS cause,
        trained_at AS changed_at, run_id
    FROM models
    WHERE NOT coalesce(replayed, false) AND status IN ('challenger', 'rejected')
)
SELECT row_number() OVER (ORDER BY changed_at, status = 'champion', model_id) AS change, told.*
FROM told;

CREATE VIEW model_starts AS
SELECT model_id, since, changed_at, change, cause
FROM (
    SELECT *, row_number() OVER (PARTITION BY model_id ORDER BY change) = 1 AS first FROM model_changes
)
-- Trained late for a past session, when a newer one was in office already, a model enters as retired.
WHERE status = 'champion' OR (status = 'retired' AND first)
UNION ALL
SELECT model_id, trained_through AS since, trained_at AS changed_at, 0 AS change, 'trained' AS cause
FROM models
WHERE NOT coalesce(replayed, false)
    AND (
        (status = 'champion' AND model_id NOT IN (SELECT model_id FROM model_changes WHERE status = 'champion'))
        OR (status = 'retired' AND model_id NOT IN (SELECT model_id FROM model_changes))
    );
COMMENT ON VIEW model_starts IS 'From which session on a model was meant to be in force; of a ticker (or the base), at a session, the one that began last is.';
COMMENT ON COLUMN model_starts.model_id IS 'Row of models.';
COMMENT ON COLUMN model_starts.since IS 'First day whose forecasts it makes, if that is a session.';
COMMENT ON COLUMN model_starts.changed_at IS 'When that was settled.';
COMMENT ON COLUMN model_starts.change IS 'Row of model_changes; 0 where there is none.';
COMMENT ON COLUMN model_starts.cause IS 'trained, rollback or promote.';

CREATE VIEW champions AS
SELECT models.model_id, models.role, models.ticker, max(start.since) AS since
FROM models
JOIN model_starts AS start USING (model_id)
WHERE models.status = 'champion'
GROUP BY ALL;
COMMENT ON VIEW champions IS 'The models in force now.';
COMMENT ON COLUMN champions.model_id IS 'Row of models.';
COMMENT ON COLUMN champions.role IS 'base or ticker.';
COMMENT ON COLUMN champions.ticker IS 'Ticker it forecasts; NULL for a base.';
COMMENT ON COLUMN champions.since IS 'First day whose forecasts it makes, if that is a session.';

CREATE TABLE forecast_inputs (
    run_id VARCHAR NOT NULL,
    replayed BOOLEAN NOT NULL,
    as_of DATE NOT NULL,
    read_at TIMESTAMP NOT NULL,
    tickers VARCHAR[] NOT NULL,
    exchanges VARCHAR[] NOT NULL,
    fingerprints VARCHAR[] NOT NULL
);
COMMENT ON TABLE forecast_inputs IS 'What forecasts were made from beside their own ticker: all tickers whose prices make up the market features, and when they were read.';
COMMENT ON COLUMN forecast_inputs.run_id IS 'Run whose forecasts these are.';
COMMENT ON COLUMN forecast_inputs.replayed IS 'true: of all its forecasts of origin backtest. false: of those of a night, made from as_of.';
COMMENT ON COLUMN forecast_inputs.as_of IS 'Last session whose prices were at hand.';
COMMENT ON COLUMN forecast_inputs.read_at IS 'When the prices were read: prices_as_of(read_at) has them.';
COMMENT ON COLUMN forecast_inputs.tickers IS 'Tickers, in the order in which the market was summed up.';
COMMENT ON COLUMN forecast_inputs.exchanges IS 'Exchange calendar of each of them, by its ISO 10383 code.';
COMMENT ON COLUMN forecast_inputs.fingerprints IS 'Fingerprint of the prices of each of them up to as_of.';

ALTER TABLE runs ADD COLUMN environment JSON;
COMMENT ON COLUMN runs.environment IS 'Versions of what computes the numbers, and the processor: bits may differ on others.';
