-- Stored rows from the first hole on, of tickers that the vendor gave a row without a price of,
-- not long ago: what is asked from there on may have it now.
WITH holes AS (
    SELECT ticker, min(session) AS first
    FROM quarantine
    ANTI JOIN prices USING (ticker, session)
    WHERE reason = 'missing_price' AND source = $source AND seen_at >= $since
        AND ticker IN (SELECT unnest($tickers))
    GROUP BY ticker
)
SELECT prices.* EXCLUDE (source, fetched_at, run_id, known_from)
FROM prices
JOIN holes ON holes.ticker = prices.ticker AND prices.session >= holes.first - 7
ORDER BY prices.ticker, prices.session;
