DELETE FROM drift_state
USING states
WHERE drift_state.monitor = states.monitor AND drift_state.ticker IS NOT DISTINCT FROM states.ticker;
