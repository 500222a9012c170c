-- The universe of the last night, whatever became of each.
SELECT ticker FROM tickers WHERE updated_at = (SELECT max(updated_at) FROM tickers) ORDER BY ticker;
