DELETE FROM prices
WHERE fetched_at > $run_after AND session BETWEEN make_date($year, 1, 1) AND make_date($year, 12, 31);
