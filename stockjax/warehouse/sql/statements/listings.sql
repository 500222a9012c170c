SELECT ticker, exchange FROM listings WHERE ticker IN (SELECT unnest($tickers));
