-- Tickers of the newest universe without fresh prices; those that nobody asks for any more keep
-- their state for good.
SELECT ticker, reason
FROM tickers
WHERE state IN ('stale', 'failed') AND updated_at = (SELECT max(updated_at) FROM tickers)
ORDER BY ticker;
