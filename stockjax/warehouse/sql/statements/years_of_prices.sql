SELECT DISTINCT year(session) FROM prices WHERE fetched_at > $run_after ORDER BY ALL;
