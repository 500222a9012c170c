SELECT ticker, session, open, high, low, close, adj_close, volume
FROM prices
WHERE ticker IN (SELECT unnest($tickers)) AND session <= $last
ORDER BY ticker, session;
