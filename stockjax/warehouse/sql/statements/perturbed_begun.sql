-- As many tickers again begin after $as_of.
INSERT INTO prices BY NAME
SELECT * FROM original.prices
UNION ALL BY NAME
SELECT * REPLACE (ticker || '.LATER' AS ticker) FROM original.prices WHERE session > $as_of;
