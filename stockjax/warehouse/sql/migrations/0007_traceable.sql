-- What it takes to make any forecast again, and which model was active when.

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

INSERT INTO model_changes BY NAME
WITH known AS (
    SELECT *, lead(model_id) OVER line AS next_id, lead(trained_through) OVER line AS next_through,
        lead(trained_at) OVER line AS next_at, lead(run_id) OVER line AS next_run
    FROM models
    WHERE NOT coalesce(replayed, false) AND status IN ('champion', 'retired')
    WINDOW line AS (PARTITION BY role, ticker ORDER BY trained_through, trained_at, model_id)
),
changes AS (
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
SELECT row_number() OVER (ORDER BY changed_at, status = 'champion', model_id) AS change, changes.*
FROM changes;

CREATE TABLE forecast_inputs (
    run_id VARCHAR NOT NULL,
    replayed BOOLEAN NOT NULL,
    as_of DATE NOT NULL,
    read_at TIMESTAMP NOT NULL,
    tickers VARCHAR[] NOT NULL,
    exchanges VARCHAR[] NOT NULL,
    fingerprints VARCHAR[] NOT NULL
);

ALTER TABLE runs ADD COLUMN environment JSON;
