-- What backtests made of the status of models, next to what nights did.

CREATE TABLE backtest_model_changes (
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
