-- What was wrong with delivered rows, by check: rejected ones are not in prices, the others are.
SELECT severity, reason, count(*) AS rows, count(DISTINCT ticker) AS tickers, max(session) AS newest
FROM quarantine
GROUP BY severity, reason
ORDER BY severity, rows DESC;
