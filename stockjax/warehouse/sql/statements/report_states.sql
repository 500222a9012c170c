SELECT ticker, state, reason FROM tickers WHERE reason IS NOT NULL AND list_contains($tickers, ticker) ORDER BY ticker;
