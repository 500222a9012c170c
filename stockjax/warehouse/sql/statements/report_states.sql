SELECT ticker, state, reason
FROM tickers
SEMI JOIN (SELECT unnest($tickers) AS ticker) AS asked USING (ticker)
WHERE reason IS NOT NULL
ORDER BY list_position(['failed', 'delisted', 'stale', 'too_short', 'active'], state), ticker;
