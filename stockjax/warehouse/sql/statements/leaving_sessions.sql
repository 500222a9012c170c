SELECT DISTINCT session
FROM steps
WHERE age > 1 AND ticker IN (SELECT unnest($tickers))
ORDER BY session;
