-- Under which symbol the history of an ended ticker goes on: the same closes over its last
-- weeks, and prices after them.
WITH ends AS (
    SELECT ticker, max(session) AS last FROM prices WHERE ticker IN (SELECT unnest($ended)) GROUP BY ticker
),
ended AS (
    SELECT
        prices.ticker, prices.session, prices.close, ends.last,
        count(*) OVER (PARTITION BY prices.ticker) AS sessions
    FROM prices
    JOIN ends ON ends.ticker = prices.ticker AND prices.session > ends.last - 45
),
alike AS (
    SELECT ended.ticker, other.ticker AS successor, any_value(ended.last) AS last
    FROM ended
    JOIN prices AS other
        ON other.session = ended.session AND other.ticker <> ended.ticker
        AND abs(other.close / ended.close - 1) < 1e-4
    GROUP BY ended.ticker, other.ticker
    HAVING count(*) >= 15 AND count(*) >= 0.9 * any_value(ended.sessions)
)
SELECT alike.ticker, min(alike.successor)
FROM alike
WHERE EXISTS (FROM prices WHERE prices.ticker = alike.successor AND prices.session > alike.last)
GROUP BY alike.ticker;
