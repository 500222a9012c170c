SELECT DISTINCT year(as_of) FROM forecasts WHERE created_at > $run_after ORDER BY ALL;
