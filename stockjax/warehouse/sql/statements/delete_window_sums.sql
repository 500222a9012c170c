DELETE FROM window_sums USING (SELECT DISTINCT ticker FROM sums) AS fresh WHERE window_sums.ticker = fresh.ticker;
