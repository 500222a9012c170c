DELETE FROM listings USING told WHERE listings.ticker = told.ticker AND listings.exchange <> told.exchange;
