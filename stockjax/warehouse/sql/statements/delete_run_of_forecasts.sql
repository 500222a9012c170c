DELETE FROM forecasts
WHERE created_at > $run_after AND as_of BETWEEN make_date($year, 1, 1) AND make_date($year, 12, 31);
