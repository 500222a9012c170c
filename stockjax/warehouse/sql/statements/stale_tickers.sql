-- Tickers that used to have prices and have no fresh ones.
SELECT ticker, reason FROM tickers WHERE state IN ('stale', 'failed') ORDER BY ticker;
