-- What backtests made of the status of models, beside what nights did.

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
COMMENT ON TABLE backtest_model_changes IS 'What backtests made of the status of models, with the columns of model_changes, which has that of the nights: in models they are retired or rejected from the start.';
COMMENT ON COLUMN backtest_model_changes.change IS 'Number of the change, in the order in which they happened.';
COMMENT ON COLUMN backtest_model_changes.model_id IS 'Row of models.';
COMMENT ON COLUMN backtest_model_changes.role IS 'base or ticker.';
COMMENT ON COLUMN backtest_model_changes.ticker IS 'Ticker it was trained for; NULL for a base.';
COMMENT ON COLUMN backtest_model_changes.previous IS 'Status before; NULL where it had none.';
COMMENT ON COLUMN backtest_model_changes.status IS 'Status from then on: champion, challenger, retired or rejected.';
COMMENT ON COLUMN backtest_model_changes.since IS 'First day whose forecasts it holds for, if that is a session.';
COMMENT ON COLUMN backtest_model_changes.cause IS 'trained (a run made it) or replaced (another one took its place).';
COMMENT ON COLUMN backtest_model_changes.reason IS 'NULL: nobody gives a reason in a backtest.';
COMMENT ON COLUMN backtest_model_changes.changed_at IS 'When it happened.';
COMMENT ON COLUMN backtest_model_changes.changed_by IS 'NULL: a run did it.';
COMMENT ON COLUMN backtest_model_changes.run_id IS 'Run that did it.';
