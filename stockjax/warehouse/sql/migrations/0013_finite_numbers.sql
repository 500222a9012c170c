-- What is no number, or no quantile, never enters: the step refuses it first, and these constraints once more.
-- Rows of earlier releases that would break one are set aside, and nothing fails.

CREATE TABLE set_aside (
    table_name VARCHAR NOT NULL,
    "row" VARCHAR NOT NULL,
    moved_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE set_aside IS 'Rows of earlier releases with values that are not finite, or quantiles that do not ascend: taken out of their table by a migration. A row of models stays there without its losses.';
COMMENT ON COLUMN set_aside.table_name IS 'Table that had the row.';
COMMENT ON COLUMN set_aside."row" IS 'The row as it was, as text.';
COMMENT ON COLUMN set_aside.moved_at IS 'When it was set aside.';

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
COMMENT ON TABLE forecasts IS 'Append-only ledger of forecasts, one row per ticker, as_of, model and origin. A row once written is never changed.';
COMMENT ON COLUMN forecasts.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN forecasts.as_of IS 'Last completed session that the forecast used.';
COMMENT ON COLUMN forecasts.target IS 'Session that the forecast is about: the next one of the exchange.';
COMMENT ON COLUMN forecasts.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN forecasts.model_id IS 'Row of models that made it; NULL for a baseline.';
COMMENT ON COLUMN forecasts.origin IS 'nightly: written before the target opened. catchup: written late, from what was known at as_of. backtest: walk-forward replay.';
COMMENT ON COLUMN forecasts.basis_close IS 'Close of as_of as it was known then; the units of every price in this row.';
COMMENT ON COLUMN forecasts.predicted_close IS 'Median of the forecast close, in the units of basis_close.';
COMMENT ON COLUMN forecasts.predicted_return IS 'Median of the forecast log return from as_of to target, dividends included.';
COMMENT ON COLUMN forecasts.scale IS 'Forecast standard deviation of that log return.';
COMMENT ON COLUMN forecasts.q05 IS '5% quantile of the forecast close.';
COMMENT ON COLUMN forecasts.q25 IS '25% quantile of the forecast close.';
COMMENT ON COLUMN forecasts.q50 IS '50% quantile of the forecast close.';
COMMENT ON COLUMN forecasts.q75 IS '75% quantile of the forecast close.';
COMMENT ON COLUMN forecasts.q95 IS '95% quantile of the forecast close.';
COMMENT ON COLUMN forecasts.data_hash IS 'Fingerprint of the prices of this ticker up to as_of.';
COMMENT ON COLUMN forecasts.code_version IS 'Release and fingerprint of the code that made it.';
COMMENT ON COLUMN forecasts.run_id IS 'Run that wrote it.';
COMMENT ON COLUMN forecasts.created_at IS 'When the row was written.';
COMMENT ON COLUMN forecasts.fallback IS 'What forecast in the place of the ticker''s own network: base or har; NULL where that did, or where history is too short for one.';
COMMENT ON COLUMN forecasts.prices_fetched IS 'Where a session was caught up with prices that were fetched after it: the session of the run that fetched them, which may have been restated meanwhile. NULL where they were fetched in time, and for origin backtest.';

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
COMMENT ON TABLE models IS 'Every network that was ever trained and kept, with the file that holds its parameters.';
COMMENT ON COLUMN models.model_id IS 'Name of the model; the same inputs, seed and code give the same name.';
COMMENT ON COLUMN models.ticker IS 'Ticker it was trained for; NULL for a base.';
COMMENT ON COLUMN models.role IS 'base: shared by all tickers. ticker: trained for one.';
COMMENT ON COLUMN models.status IS 'champion (forecasts tonight), challenger, retired or rejected.';
COMMENT ON COLUMN models.trained_through IS 'Last session that training saw.';
COMMENT ON COLUMN models.trained_at IS 'When it was trained.';
COMMENT ON COLUMN models.validation_loss IS 'Mean loss in nats on the last 64 sessions, which the training of a ticker leaves out (of a base: that of its twin, which has not seen them either); where it met no other model, on the stretch that its training held out.';
COMMENT ON COLUMN models.champion_loss IS 'The same of the model that was in force (of a ticker without one: the base; of a first base: the network that training begins from), on the same days; NULL where there was none.';
COMMENT ON COLUMN models.path IS 'Parameter file (safetensors), relative to the warehouse folder.';
COMMENT ON COLUMN models.sha256 IS 'SHA-256 of that file, in hexadecimal.';
COMMENT ON COLUMN models.hyperparameters IS 'What training was told, and the step it stopped at.';
COMMENT ON COLUMN models.seed IS 'First seed of its random draws.';
COMMENT ON COLUMN models.data_hash IS 'Fingerprint of the prices that training saw.';
COMMENT ON COLUMN models.code_version IS 'Release and fingerprint of the code that trained it.';
COMMENT ON COLUMN models.parent_id IS 'Model that training started from; NULL for a base.';
COMMENT ON COLUMN models.run_id IS 'Run that trained it.';
COMMENT ON COLUMN models.replayed IS 'Whether it was trained for a replay of the past and never was in force.';
COMMENT ON COLUMN models.purged_at IS 'When its file was let go, after the age that the settings give; NULL while it is kept. The row stays.';

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
COMMENT ON TABLE rolling_metrics IS 'Errors of the forecasts for the last 21, 63 and 252 sessions (setting scores.windows), for every session that has been scored.';
COMMENT ON COLUMN rolling_metrics.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN rolling_metrics.model IS 'lstm, random_walk, ewma or har.';
COMMENT ON COLUMN rolling_metrics.origin IS 'nightly, catchup or backtest; never mixed.';
COMMENT ON COLUMN rolling_metrics.session IS 'Last target session in the window.';
COMMENT ON COLUMN rolling_metrics.window_sessions IS 'Length of the window in sessions of the ticker.';
COMMENT ON COLUMN rolling_metrics.n IS 'Scored forecasts in the window; fewer than window_sessions while history is short.';
COMMENT ON COLUMN rolling_metrics.rmse IS 'Root mean squared error of predicted_close, in the units of the close at session.';
COMMENT ON COLUMN rolling_metrics.mae IS 'Mean absolute error of predicted_close, in the units of the close at session.';
COMMENT ON COLUMN rolling_metrics.mape IS 'Mean absolute error as a fraction of the actual close.';
COMMENT ON COLUMN rolling_metrics.return_rmse IS 'Root mean squared error of predicted_return.';
COMMENT ON COLUMN rolling_metrics.return_mae IS 'Mean absolute error of predicted_return.';
COMMENT ON COLUMN rolling_metrics.rmse_skill IS '1 - return_rmse / that of random_walk on the same sessions; above 0 is better than doing nothing.';
COMMENT ON COLUMN rolling_metrics.mae_skill IS '1 - return_mae / that of random_walk on the same sessions.';
COMMENT ON COLUMN rolling_metrics.direction IS 'Share of moves whose sign was forecast; NULL where the model names no direction.';
COMMENT ON COLUMN rolling_metrics.pinball IS 'Mean pinball loss of the five quantiles of the log return.';
COMMENT ON COLUMN rolling_metrics.pinball_skill IS '1 - pinball / that of har on the same sessions.';
COMMENT ON COLUMN rolling_metrics.coverage_50 IS 'Share of closes between q25 and q75; 0.50 is honest.';
COMMENT ON COLUMN rolling_metrics.coverage_90 IS 'Share of closes between q05 and q95; 0.90 is honest.';
COMMENT ON COLUMN rolling_metrics.crps IS 'Mean continuous ranked probability score of the log return.';
COMMENT ON COLUMN rolling_metrics.winkler_90 IS 'Mean interval score of q05 to q95 in log returns; less is better.';
COMMENT ON COLUMN rolling_metrics.width_90 IS 'Mean width of q05 to q95 in log returns.';
