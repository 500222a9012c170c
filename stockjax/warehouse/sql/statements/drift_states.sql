SELECT scope, ticker, monitor, as_of, last_session, seen, step, wealth
FROM drift_state
ORDER BY monitor, scope, ticker;
