SELECT state FROM backtest_states WHERE line = $line AND as_of < $before ORDER BY as_of DESC, written_at DESC LIMIT 1;
