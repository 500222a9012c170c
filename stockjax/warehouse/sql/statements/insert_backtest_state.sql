INSERT INTO backtest_states BY NAME
SELECT $line AS line, $as_of AS as_of, $state::JSON AS state, $run_id AS run_id, $written_at AS written_at;
