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
COMMENT ON TABLE prices IS 'Daily prices as they are known now: one row per ticker and session.';
COMMENT ON COLUMN prices.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN prices.session IS 'Trading day, in the time zone of the exchange.';
COMMENT ON COLUMN prices.open IS 'Opening price, as traded or split-adjusted as the vendor gives it.';
COMMENT ON COLUMN prices.high IS 'Highest price of the session, in the units of close.';
COMMENT ON COLUMN prices.low IS 'Lowest price of the session, in the units of close.';
COMMENT ON COLUMN prices.close IS 'Closing price, as traded or split-adjusted as the vendor gives it.';
COMMENT ON COLUMN prices.adj_close IS 'Closing price adjusted for splits and dividends; use its changes, not its level.';
COMMENT ON COLUMN prices.volume IS 'Shares traded.';
COMMENT ON COLUMN prices.dividend IS 'Cash dividend per share that went ex on this session; 0 if none.';
COMMENT ON COLUMN prices.split IS 'Split factor that took effect on this session; 1 if none.';
COMMENT ON COLUMN prices.source IS 'Source that delivered the row: sample, files, yahoo.';
COMMENT ON COLUMN prices.fetched_at IS 'When the row was fetched.';
COMMENT ON COLUMN prices.run_id IS 'Run that stored the row.';

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
COMMENT ON TABLE price_revisions IS 'What a vendor restated: the rows of prices as they stood before they were replaced.';
COMMENT ON COLUMN price_revisions.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN price_revisions.session IS 'Trading day of the replaced row.';
COMMENT ON COLUMN price_revisions.open IS 'Replaced opening price.';
COMMENT ON COLUMN price_revisions.high IS 'Replaced highest price.';
COMMENT ON COLUMN price_revisions.low IS 'Replaced lowest price.';
COMMENT ON COLUMN price_revisions.close IS 'Replaced closing price.';
COMMENT ON COLUMN price_revisions.adj_close IS 'Replaced adjusted closing price.';
COMMENT ON COLUMN price_revisions.volume IS 'Replaced volume.';
COMMENT ON COLUMN price_revisions.dividend IS 'Replaced dividend.';
COMMENT ON COLUMN price_revisions.split IS 'Replaced split factor.';
COMMENT ON COLUMN price_revisions.source IS 'Source that had delivered the replaced row.';
COMMENT ON COLUMN price_revisions.fetched_at IS 'When the replaced row had been fetched.';
COMMENT ON COLUMN price_revisions.replaced_at IS 'When it was replaced.';
COMMENT ON COLUMN price_revisions.reason IS 'Why: split, dividend or restatement.';
COMMENT ON COLUMN price_revisions.run_id IS 'Run that replaced it.';

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
COMMENT ON TABLE quarantine IS 'Rows that a check refused or flagged; nothing is dropped silently.';
COMMENT ON COLUMN quarantine.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN quarantine.session IS 'Date of the row; NULL where it has none that can be read.';
COMMENT ON COLUMN quarantine.reason IS 'Name of the check.';
COMMENT ON COLUMN quarantine.severity IS 'reject: kept out of prices. flag: stored and pointed out.';
COMMENT ON COLUMN quarantine."row" IS 'The row as it was delivered.';
COMMENT ON COLUMN quarantine.source IS 'Source that delivered it.';
COMMENT ON COLUMN quarantine.run_id IS 'Run that saw it first.';
COMMENT ON COLUMN quarantine.seen_at IS 'When it was first seen.';

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
COMMENT ON TABLE tickers IS 'The universe: one row per ticker with its state as of the last run that looked at it.';
COMMENT ON COLUMN tickers.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN tickers.exchange IS 'Exchange calendar, by its ISO 10383 code.';
COMMENT ON COLUMN tickers.state IS 'active, stale, too_short, delisted or failed.';
COMMENT ON COLUMN tickers.reason IS 'Why it is not active, or what is special about its forecasts; NULL if nothing is.';
COMMENT ON COLUMN tickers.first_session IS 'First session with a stored price.';
COMMENT ON COLUMN tickers.last_session IS 'Last session with a stored price.';
COMMENT ON COLUMN tickers.sessions IS 'Stored sessions.';
COMMENT ON COLUMN tickers.updated_at IS 'When the row was written.';
COMMENT ON COLUMN tickers.run_id IS 'Run that wrote it.';

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
COMMENT ON TABLE models IS 'Every network that was ever trained and kept, with the file that holds its parameters.';
COMMENT ON COLUMN models.model_id IS 'Name of the model; the same inputs, seed and code give the same name.';
COMMENT ON COLUMN models.ticker IS 'Ticker it was trained for; NULL for a base.';
COMMENT ON COLUMN models.role IS 'base: shared by all tickers. ticker: trained for one.';
COMMENT ON COLUMN models.status IS 'champion (forecasts tonight), challenger, retired or rejected.';
COMMENT ON COLUMN models.trained_through IS 'Last session that training saw.';
COMMENT ON COLUMN models.trained_at IS 'When it was trained.';
COMMENT ON COLUMN models.validation_loss IS 'Mean negative log-likelihood per session on the last stretch of its window, in nats.';
COMMENT ON COLUMN models.champion_loss IS 'The same of the model it started from, on the same sessions; NULL for a base.';
COMMENT ON COLUMN models.path IS 'Parameter file (safetensors), relative to the warehouse folder.';
COMMENT ON COLUMN models.sha256 IS 'SHA-256 of that file, in hexadecimal.';
COMMENT ON COLUMN models.hyperparameters IS 'What training was told, and the step it stopped at.';
COMMENT ON COLUMN models.seed IS 'First seed of its random draws.';
COMMENT ON COLUMN models.data_hash IS 'Fingerprint of the prices that training saw.';
COMMENT ON COLUMN models.code_version IS 'Release and fingerprint of the code that trained it.';
COMMENT ON COLUMN models.parent_id IS 'Model that training started from; NULL for a base.';
COMMENT ON COLUMN models.run_id IS 'Run that trained it.';

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
COMMENT ON TABLE rolling_metrics IS 'Errors of the forecasts for the last 21, 63 and 252 sessions, for every session that has been scored.';
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
COMMENT ON TABLE runs IS 'Every run of a flow.';
COMMENT ON COLUMN runs.run_id IS 'Name of the run, as in the other tables.';
COMMENT ON COLUMN runs.flow_run_id IS 'Flow run in Prefect; NULL where there was none.';
COMMENT ON COLUMN runs.flow IS 'forecast, backtest or tune.';
COMMENT ON COLUMN runs.as_of IS 'Last completed session that the run used.';
COMMENT ON COLUMN runs.started_at IS 'When it started.';
COMMENT ON COLUMN runs.finished_at IS 'When it ended; NULL while it runs, or if it was killed.';
COMMENT ON COLUMN runs.status IS 'running, completed or failed; a run that was killed stays running.';
COMMENT ON COLUMN runs.counts IS 'What it did, in numbers.';
COMMENT ON COLUMN runs.code_version IS 'Release and fingerprint of its code.';
