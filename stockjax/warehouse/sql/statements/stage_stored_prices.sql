-- The stored rows that the incoming ones are about, in one scan of the large table; of a ticker
-- whose history is replaced, all its rows. The bound on the session, which follows from the
-- join, lets the scan skip most rows before it looks at a ticker.
CREATE OR REPLACE TEMP TABLE stored AS
SELECT prices.*
FROM prices
JOIN (
    SELECT DISTINCT ticker, session::DATE AS session FROM incoming WHERE NOT list_contains($replaced, ticker)
    UNION
    SELECT ticker, session::DATE FROM disproved WHERE NOT list_contains($replaced, ticker)
) AS keys USING (ticker, session)
WHERE prices.session >= $first
UNION ALL
SELECT prices.*
FROM prices
WHERE len($replaced) > 0 AND ticker IN (SELECT unnest($replaced));
