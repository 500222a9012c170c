DELETE FROM listings USING vendor_listings WHERE listings.ticker = vendor_listings.ticker AND listings.exchange <> vendor_listings.exchange;
