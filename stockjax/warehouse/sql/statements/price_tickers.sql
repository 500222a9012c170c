-- Every ticker that has prices, and its last session.
SELECT ticker, max(session) AS last_session FROM prices GROUP BY ticker ORDER BY ticker;
