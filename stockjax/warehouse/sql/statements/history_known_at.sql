-- The prices as this warehouse knew them at a moment.
SELECT ticker, session, open, high, low, close, adj_close, volume
FROM prices_as_of($moment)
WHERE ticker IN (SELECT unnest($tickers)) AND session <= $last
ORDER BY ticker, session;
