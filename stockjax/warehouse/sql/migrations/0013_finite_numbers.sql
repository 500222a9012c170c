-- What is no number, or no quantile, never enters: the step refuses it first, and these constraints once more.
-- Rows of earlier releases that would break one are set aside, and nothing fails.

CREATE TABLE set_aside (
    table_name VARCHAR NOT NULL,
    "row" VARCHAR NOT NULL,
    moved_at TIMESTAMP NOT NULL
);

INSERT INTO set_aside BY NAME
SELECT 'forecasts' AS table_name, forecasts::VARCHAR AS "row", now() AT TIME ZONE 'UTC' AS moved_at
FROM forecasts
WHERE NOT coalesce(isfinite(basis_close), true)
    OR NOT coalesce(isfinite(predicted_close), true)
    OR NOT coalesce(isfinite(predicted_return), true)
    OR NOT coalesce(isfinite(scale), true)
    OR NOT coalesce(isfinite(q05), true)
    OR NOT coalesce(isfinite(q25), true)
    OR NOT coalesce(isfinite(q50), true)
    OR NOT coalesce(isfinite(q75), true)
    OR NOT coalesce(isfinite(q95), true)
    OR NOT coalesce(q05 > 0, true)
    OR NOT coalesce(CASE WHEN model = 'lstm' THEN q05 < q25 AND q25 < q50 AND q50 < q75 AND q75 < q95 ELSE q05 <= q25 AND q25 <= q50 AND q50 <= q75 AND q75 <= q95 END, true);
CREATE TABLE checked_forecasts (
    ticker VARCHAR NOT NULL,
    as_of DATE NOT NULL,
    target DATE NOT NULL,
    model VARCHAR NOT NULL,
    model_id VARCHAR,
    origin VARCHAR NOT NULL,
    basis_close DOUBLE NOT NULL,
    predicted_close DOUBLE NOT NULL,
    predicted_return DOUBLE NOT NULL,
    scale DOUBLE NOT NULL,
    q05 DOUBLE NOT NULL,
    q25 DOUBLE NOT NULL,
    q50 DOUBLE NOT NULL,
    q75 DOUBLE NOT NULL,
    q95 DOUBLE NOT NULL,
    data_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,
    fallback VARCHAR,
    prices_fetched DATE,
    CHECK (isfinite(basis_close) AND isfinite(predicted_close) AND isfinite(predicted_return) AND isfinite(scale) AND isfinite(q05) AND isfinite(q25) AND isfinite(q50) AND isfinite(q75) AND isfinite(q95)),
    CHECK (q05 > 0),
    CHECK (CASE WHEN model = 'lstm' THEN q05 < q25 AND q25 < q50 AND q50 < q75 AND q75 < q95
        ELSE q05 <= q25 AND q25 <= q50 AND q50 <= q75 AND q75 <= q95 END)
);
INSERT INTO checked_forecasts BY NAME
FROM forecasts
WHERE NOT (NOT coalesce(isfinite(basis_close), true)
    OR NOT coalesce(isfinite(predicted_close), true)
    OR NOT coalesce(isfinite(predicted_return), true)
    OR NOT coalesce(isfinite(scale), true)
    OR NOT coalesce(isfinite(q05), true)
    OR NOT coalesce(isfinite(q25), true)
    OR NOT coalesce(isfinite(q50), true)
    OR NOT coalesce(isfinite(q75), true)
    OR NOT coalesce(isfinite(q95), true)
    OR NOT coalesce(q05 > 0, true)
    OR NOT coalesce(CASE WHEN model = 'lstm' THEN q05 < q25 AND q25 < q50 AND q50 < q75 AND q75 < q95 ELSE q05 <= q25 AND q25 <= q50 AND q50 <= q75 AND q75 <= q95 END, true));
DROP TABLE forecasts;
ALTER TABLE checked_forecasts RENAME TO forecasts;

INSERT INTO set_aside BY NAME
SELECT 'models' AS table_name, models::VARCHAR AS "row", now() AT TIME ZONE 'UTC' AS moved_at
FROM models
WHERE NOT coalesce(isfinite(validation_loss), true)
    OR NOT coalesce(isfinite(champion_loss), true);
CREATE TABLE checked_models (
    model_id VARCHAR NOT NULL,
    ticker VARCHAR,
    role VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    trained_through DATE NOT NULL,
    trained_at TIMESTAMP NOT NULL,
    validation_loss DOUBLE,
    champion_loss DOUBLE,
    path VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    hyperparameters JSON NOT NULL,
    seed BIGINT NOT NULL,
    data_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    parent_id VARCHAR,
    run_id VARCHAR NOT NULL,
    replayed BOOLEAN,
    purged_at TIMESTAMP,
    CHECK (isfinite(validation_loss) AND isfinite(champion_loss))
);
INSERT INTO checked_models BY NAME SELECT * REPLACE (CASE WHEN isfinite(validation_loss) THEN validation_loss END AS validation_loss, CASE WHEN isfinite(champion_loss) THEN champion_loss END AS champion_loss) FROM models;
DROP TABLE models;
ALTER TABLE checked_models RENAME TO models;

INSERT INTO set_aside BY NAME
SELECT 'rolling_metrics' AS table_name, rolling_metrics::VARCHAR AS "row", now() AT TIME ZONE 'UTC' AS moved_at
FROM rolling_metrics
WHERE NOT coalesce(isfinite(rmse), true)
    OR NOT coalesce(isfinite(mae), true)
    OR NOT coalesce(isfinite(mape), true)
    OR NOT coalesce(isfinite(return_rmse), true)
    OR NOT coalesce(isfinite(return_mae), true)
    OR NOT coalesce(isfinite(rmse_skill), true)
    OR NOT coalesce(isfinite(mae_skill), true)
    OR NOT coalesce(isfinite(direction), true)
    OR NOT coalesce(isfinite(pinball), true)
    OR NOT coalesce(isfinite(pinball_skill), true)
    OR NOT coalesce(isfinite(coverage_50), true)
    OR NOT coalesce(isfinite(coverage_90), true)
    OR NOT coalesce(isfinite(crps), true)
    OR NOT coalesce(isfinite(winkler_90), true)
    OR NOT coalesce(isfinite(width_90), true);
CREATE TABLE checked_rolling_metrics (
    ticker VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    session DATE NOT NULL,
    window_sessions INTEGER NOT NULL,
    n INTEGER NOT NULL,
    rmse DOUBLE NOT NULL,
    mae DOUBLE NOT NULL,
    mape DOUBLE NOT NULL,
    return_rmse DOUBLE NOT NULL,
    return_mae DOUBLE NOT NULL,
    rmse_skill DOUBLE,
    mae_skill DOUBLE,
    direction DOUBLE,
    pinball DOUBLE NOT NULL,
    pinball_skill DOUBLE,
    coverage_50 DOUBLE NOT NULL,
    coverage_90 DOUBLE NOT NULL,
    crps DOUBLE,
    winkler_90 DOUBLE,
    width_90 DOUBLE,
    CHECK (isfinite(rmse) AND isfinite(mae) AND isfinite(mape) AND isfinite(return_rmse) AND isfinite(return_mae) AND isfinite(rmse_skill) AND isfinite(mae_skill) AND isfinite(direction) AND isfinite(pinball) AND isfinite(pinball_skill) AND isfinite(coverage_50) AND isfinite(coverage_90) AND isfinite(crps) AND isfinite(winkler_90) AND isfinite(width_90))
);
INSERT INTO checked_rolling_metrics BY NAME
FROM rolling_metrics
WHERE NOT (NOT coalesce(isfinite(rmse), true)
    OR NOT coalesce(isfinite(mae), true)
    OR NOT coalesce(isfinite(mape), true)
    OR NOT coalesce(isfinite(return_rmse), true)
    OR NOT coalesce(isfinite(return_mae), true)
    OR NOT coalesce(isfinite(rmse_skill), true)
    OR NOT coalesce(isfinite(mae_skill), true)
    OR NOT coalesce(isfinite(direction), true)
    OR NOT coalesce(isfinite(pinball), true)
    OR NOT coalesce(isfinite(pinball_skill), true)
    OR NOT coalesce(isfinite(coverage_50), true)
    OR NOT coalesce(isfinite(coverage_90), true)
    OR NOT coalesce(isfinite(crps), true)
    OR NOT coalesce(isfinite(winkler_90), true)
    OR NOT coalesce(isfinite(width_90), true));
DROP TABLE rolling_metrics;
ALTER TABLE checked_rolling_metrics RENAME TO rolling_metrics;
