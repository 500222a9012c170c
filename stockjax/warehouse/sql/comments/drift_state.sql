COMMENT ON TABLE drift_state IS 'Where each monitor of drift stands, so that a night takes only what is new.';
COMMENT ON COLUMN drift_state.scope IS 'ticker or universe.';
COMMENT ON COLUMN drift_state.ticker IS 'Symbol as the source spells it; NULL for the universe.';
COMMENT ON COLUMN drift_state.monitor IS 'coverage, scale or input.';
COMMENT ON COLUMN drift_state.as_of IS 'Last completed session of the night that moved it last.';
COMMENT ON COLUMN drift_state.last_session IS 'Newest session that it has observed.';
COMMENT ON COLUMN drift_state.seen IS 'Observations since it began or was last in alarm.';
COMMENT ON COLUMN drift_state.step IS 'Observations in all.';
COMMENT ON COLUMN drift_state.wealth IS 'Evidence of every stake, those of the first bet first.';
