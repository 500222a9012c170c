SELECT ticker, session, open, high, low, close, adj_close, volume
FROM prices
WHERE list_contains($tickers, ticker) AND session <= $last
ORDER BY ticker, session;
