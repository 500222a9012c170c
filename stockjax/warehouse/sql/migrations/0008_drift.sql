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
COMMENT ON TABLE drift IS 'What the monitors of drift saw, one row per scope, ticker, monitor and session; a row once written is never changed.';
COMMENT ON COLUMN drift.scope IS 'ticker, or universe: one observation a day, the mean over the tickers.';
COMMENT ON COLUMN drift.ticker IS 'Symbol as the source spells it; NULL for the universe.';
COMMENT ON COLUMN drift.monitor IS 'coverage (of the 90% intervals of lstm), scale (of its residuals) or input (innovations of variance and volume).';
COMMENT ON COLUMN drift.session IS 'Session that was observed: the target of the forecast, or the session of the input.';
COMMENT ON COLUMN drift.as_of IS 'Last completed session of the night that took it: nothing later was known to it.';
COMMENT ON COLUMN drift.tickers IS 'Tickers behind the observation; 1 for a ticker.';
COMMENT ON COLUMN drift.observation IS 'coverage: share of closes inside q05 to q95. scale: root mean square of (actual_return - predicted_return) / scale. input: mean payoff of the bets on a surprise, 1 if there is none.';
COMMENT ON COLUMN drift.evidence IS 'Evidence of drift so far: an e-detector, whose mean is at most seen while all is well.';
COMMENT ON COLUMN drift.threshold IS 'Evidence that is an alarm: drift.patience for the universe; for tickers times their number, over the number of alarms (e-BH).';
COMMENT ON COLUMN drift.alarm IS 'Whether it was an alarm; the evidence then begins anew from 0.';
COMMENT ON COLUMN drift.direction IS 'The way of being wrong that most of the evidence speaks for.';
COMMENT ON COLUMN drift.seen IS 'Number of the observation since the monitor began or was last in alarm.';
COMMENT ON COLUMN drift.step IS 'Number of the observation in all, in the order in which they became known.';
COMMENT ON COLUMN drift.run_id IS 'Run that took it.';

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
COMMENT ON TABLE drift_state IS 'Where each monitor of drift stands, so that a night takes only what is new.';
COMMENT ON COLUMN drift_state.scope IS 'ticker or universe.';
COMMENT ON COLUMN drift_state.ticker IS 'Symbol as the source spells it; NULL for the universe.';
COMMENT ON COLUMN drift_state.monitor IS 'coverage, scale or input.';
COMMENT ON COLUMN drift_state.as_of IS 'Last completed session of the night that moved it last.';
COMMENT ON COLUMN drift_state.last_session IS 'Newest session that it has observed.';
COMMENT ON COLUMN drift_state.seen IS 'Observations since it began or was last in alarm.';
COMMENT ON COLUMN drift_state.step IS 'Observations in all.';
COMMENT ON COLUMN drift_state.wealth IS 'Evidence of every gambler, the stakes of the first bet first.';
