-- What the monitors of drift saw, and where each of them stands.

CREATE TABLE drift (
    scope VARCHAR NOT NULL,
    ticker VARCHAR,
    monitor VARCHAR NOT NULL,
    session DATE NOT NULL,
    as_of DATE NOT NULL,
    tickers INTEGER NOT NULL,
    observation DOUBLE NOT NULL,
    evidence DOUBLE NOT NULL,
    threshold DOUBLE NOT NULL,
    alarm BOOLEAN NOT NULL,
    direction VARCHAR NOT NULL,
    seen INTEGER NOT NULL,
    step INTEGER NOT NULL,
    run_id VARCHAR NOT NULL
);

CREATE TABLE drift_state (
    scope VARCHAR NOT NULL,
    ticker VARCHAR,
    monitor VARCHAR NOT NULL,
    as_of DATE NOT NULL,
    last_session DATE NOT NULL,
    seen INTEGER NOT NULL,
    step INTEGER NOT NULL,
    wealth DOUBLE[] NOT NULL
);
