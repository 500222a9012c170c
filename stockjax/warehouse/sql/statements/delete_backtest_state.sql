-- A run leaves the state at which it stopped, and none of those on its way.
DELETE FROM backtest_states WHERE line = $line AND (as_of = $as_of OR run_id = $run_id);
