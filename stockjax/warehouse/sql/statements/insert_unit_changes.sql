-- A split of 2:1 halves close and leaves adj_close alone. Vendors that adjust close themselves show
-- no such jump. The smallest common split is 5:4; a dividend that moves the price as much is as
-- rare, and its units are taken for a split's.
INSERT INTO unit_changes BY NAME
WITH moves AS (
    SELECT
        prices.ticker, prices.session, due.first_session, prices.close,
        ln((lag(close) OVER by_session / close) * (adj_close / lag(adj_close) OVER by_session)) AS jump
    FROM prices
    JOIN due ON due.ticker = prices.ticker AND prices.session >= due.start
    WHERE prices.session >= $floor
    WINDOW by_session AS (PARTITION BY prices.ticker ORDER BY prices.session)
)
SELECT ticker, session, round(coalesce(jump, -ln(close)) * 2 ** 40) / 2 ** 40 AS log_change
FROM moves
WHERE session >= first_session AND (jump IS NULL OR abs(jump) > ln(1.2))
ORDER BY ticker, session;
