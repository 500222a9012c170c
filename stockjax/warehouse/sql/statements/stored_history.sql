SELECT ticker, session, close, adj_close
FROM prices
WHERE ticker IN (SELECT unnest($tickers))
ORDER BY ticker, session;
