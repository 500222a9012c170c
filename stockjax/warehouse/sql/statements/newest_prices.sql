-- The newest $count rows of each ticker, oldest first. The window is over the last few months
-- only: over the whole table it takes seconds.
WITH ends AS (
    SELECT ticker, max(session) AS last
    FROM prices
    WHERE ticker IN (SELECT unnest($tickers))
    GROUP BY ticker
)
SELECT prices.* EXCLUDE (source, fetched_at, run_id, known_from)
FROM prices
JOIN ends ON ends.ticker = prices.ticker AND prices.session > ends.last - ($count * 2 + 30)::INTEGER
QUALIFY row_number() OVER (PARTITION BY prices.ticker ORDER BY prices.session DESC) <= $count
ORDER BY prices.ticker, prices.session;
