-- name: known_prices
-- Every version of the prices up to $last that the warehouse had at $moment, and from when to when it was known.
-- What was another company's is left out. A number stands for a ticker: of millions of rows, each would be a text.
WITH asked AS (
    SELECT unnest($tickers::VARCHAR[]) AS ticker, generate_subscripts($tickers::VARCHAR[], 1) - 1 AS number
)
SELECT
    number, session, open, high, low, close, adj_close, volume, known_from, NULL::DATE AS known_until,
    false AS disproved_at_once
FROM prices
JOIN asked USING (ticker)
WHERE session <= $last AND fetched_at <= $moment
UNION ALL BY NAME
SELECT
    number, session, open, high, low, close, adj_close, volume, known_from,
    CASE WHEN replaced_at <= $moment THEN coalesce(known_until, replaced_at::DATE) END AS known_until,
    replaced_at <= $moment AND reason = 'disproved' AND known_until <= known_from AS disproved_at_once
FROM price_revisions
JOIN asked USING (ticker)
WHERE session <= $last AND coalesce(fetched_at, TIMESTAMP '1970-01-01') <= $moment
    AND reason <> 'recycled' AND close IS NOT NULL AND adj_close IS NOT NULL
ORDER BY number, session;
