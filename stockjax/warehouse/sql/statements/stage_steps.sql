-- The sessions that matter to a step by one session: the new one, the one before it, and those that leave a window.
CREATE OR REPLACE TEMP TABLE steps AS
SELECT prices.ticker, prices.session, row_number() OVER (PARTITION BY prices.ticker ORDER BY prices.session DESC) - 1 AS age
FROM prices
SEMI JOIN (SELECT unnest($tickers) AS ticker) AS chosen USING (ticker)
WHERE prices.session > $after
QUALIFY age IN (0, 1) OR list_contains($windows, age);
