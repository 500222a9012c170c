SELECT reason, count(*) FROM replaced GROUP BY reason ORDER BY reason;
