-- Every table of the warehouse. Times are UTC. No table has a primary key: an upsert is a
-- DELETE and an INSERT in one transaction, which is faster and lets the file keep its size.

CREATE TABLE prices (
    ticker VARCHAR NOT NULL,
    session DATE NOT NULL,
    open DOUBLE,
    high DOUBLE,
    low DOUBLE,
    close DOUBLE NOT NULL,
    adj_close DOUBLE NOT NULL,
    volume DOUBLE,
    dividend DOUBLE,
    split DOUBLE,
    source VARCHAR NOT NULL,
    fetched_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
);

CREATE TABLE price_revisions (
    ticker VARCHAR NOT NULL,
    session DATE NOT NULL,
    open DOUBLE,
    high DOUBLE,
    low DOUBLE,
    close DOUBLE,
    adj_close DOUBLE,
    volume DOUBLE,
    dividend DOUBLE,
    split DOUBLE,
    source VARCHAR,
    fetched_at TIMESTAMP,
    replaced_at TIMESTAMP NOT NULL,
    reason VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL
);

CREATE TABLE quarantine (
    ticker VARCHAR NOT NULL,
    session DATE,
    reason VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    "row" JSON NOT NULL,
    source VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

CREATE TABLE tickers (
    ticker VARCHAR NOT NULL,
    exchange VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    reason VARCHAR,
    first_session DATE,
    last_session DATE,
    sessions INTEGER NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
);

CREATE TABLE models (
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
    run_id VARCHAR NOT NULL
);

CREATE TABLE forecasts (
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
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE rolling_metrics (
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
    coverage_90 DOUBLE NOT NULL
);

CREATE TABLE runs (
    run_id VARCHAR NOT NULL,
    flow_run_id VARCHAR,
    flow VARCHAR NOT NULL,
    as_of DATE,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    status VARCHAR NOT NULL,
    counts JSON,
    code_version VARCHAR NOT NULL
);
