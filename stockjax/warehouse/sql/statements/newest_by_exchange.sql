-- The newest stored session of each exchange; tickers that nobody has judged yet count for $default.
SELECT coalesce(tickers.exchange, $default) AS exchange, max(prices.session) AS newest
FROM (SELECT ticker, max(session) AS session FROM prices GROUP BY ticker) AS prices
LEFT JOIN tickers USING (ticker)
GROUP BY 1;
