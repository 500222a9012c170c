-- Which stored rows are no longer what the vendor says, and why.
CREATE OR REPLACE TEMP TABLE replaced AS
WITH learnt AS (
    -- Splits and dividends that were not known before: each rewrites the past of its ticker.
    SELECT
        incoming.ticker,
        bool_or(incoming.split <> 1 AND coalesce(stored.split, 1) = 1) AS split,
        bool_or(incoming.dividend <> 0 AND coalesce(stored.dividend, 0) = 0) AS dividend
    FROM incoming
    LEFT JOIN stored USING (ticker, session)
    GROUP BY incoming.ticker
),
compared AS (
    SELECT
        stored.ticker, stored.session, incoming.ticker IS NULL AS withdrawn, disproved.ticker IS NOT NULL AS disproved,
        differs(stored.close, incoming.close) AS close_moved,
        differs(stored.adj_close, incoming.adj_close) AS adjusted_moved,
        differs(stored.open, incoming.open) OR differs(stored.high, incoming.high)
            OR differs(stored.low, incoming.low) OR differs(stored.volume, incoming.volume)
            OR differs(stored.dividend, incoming.dividend) OR differs(stored.split, incoming.split) AS other_moved
    FROM stored
    LEFT JOIN incoming USING (ticker, session)
    LEFT JOIN (SELECT DISTINCT ticker, session FROM disproved) AS disproved USING (ticker, session)
)
SELECT
    ticker, session,
    CASE
        WHEN list_contains($recycled, ticker) THEN 'recycled'
        WHEN disproved THEN 'disproved'
        WHEN withdrawn THEN 'withdrawn'
        WHEN learnt.split AND (close_moved OR (adjusted_moved AND NOT learnt.dividend)) THEN 'split'
        WHEN learnt.dividend AND adjusted_moved THEN 'dividend'
        ELSE 'restatement'
    END AS reason
FROM compared
LEFT JOIN learnt USING (ticker)
WHERE withdrawn OR close_moved OR adjusted_moved OR other_moved;
