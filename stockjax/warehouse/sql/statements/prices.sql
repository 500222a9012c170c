-- name: stage_stored_prices
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

-- name: stage_replaced_prices
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

-- name: replaced_counts
SELECT reason, count(*) FROM replaced GROUP BY reason ORDER BY reason;

-- name: revise_prices
-- Keep what the vendor now says differently.
INSERT INTO price_revisions BY NAME
SELECT
    stored.* EXCLUDE (run_id), replaced.reason, $replaced_at AS replaced_at, $run_id AS run_id,
    $known_until AS known_until
FROM stored
JOIN replaced USING (ticker, session)
ORDER BY ticker, session;

-- name: delete_replaced_prices
DELETE FROM prices USING replaced WHERE prices.ticker = replaced.ticker AND prices.session = replaced.session;

-- name: insert_new_prices
INSERT INTO prices BY NAME
SELECT incoming.*, $source AS source, $fetched_at AS fetched_at, $run_id AS run_id, $known_from AS known_from
FROM incoming
ANTI JOIN (FROM stored ANTI JOIN replaced USING (ticker, session)) AS unchanged USING (ticker, session)
ORDER BY ticker, session;

-- name: insert_disproved_prices
-- Bars that were never stored, because the delivery that brought them disproved them by the next bar. Until that
-- bar had closed everybody had them.
INSERT INTO price_revisions BY NAME
SELECT
    disproved.*, $source AS source, $fetched_at AS fetched_at, $fetched_at AS replaced_at, 'disproved' AS reason,
    $run_id AS run_id, $known_from AS known_from
FROM disproved
ANTI JOIN stored USING (ticker, session)
ANTI JOIN (SELECT ticker, session FROM price_revisions WHERE reason = 'disproved') AS known USING (ticker, session)
ORDER BY ticker, session;

-- name: mark_changed_prices
-- Rows that are new or others than before, those that are gone among them.
INSERT INTO unscored
SELECT ticker, min(session)
FROM (
    SELECT ticker, session FROM replaced
    UNION ALL
    SELECT ticker, session::DATE FROM incoming ANTI JOIN stored USING (ticker, session)
)
GROUP BY ticker;

-- name: insert_quarantine
INSERT INTO quarantine BY NAME
SELECT refused.*, $source AS source, $run_id AS run_id, $seen_at AS seen_at
FROM (SELECT ticker, session, reason, severity, "row"::JSON AS "row" FROM refused) AS refused
WHERE NOT EXISTS (
    FROM quarantine AS known
    WHERE known.ticker IS NOT DISTINCT FROM refused.ticker
        AND known.session IS NOT DISTINCT FROM refused.session
        AND known.reason = refused.reason
        AND known.source = $source
        AND known."row" = refused."row"
);

-- name: newest_prices
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

-- name: prices_since_holes
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

-- name: stored_history
SELECT ticker, session, close, adj_close, volume
FROM prices
WHERE ticker IN (SELECT unnest($tickers))
ORDER BY ticker, session;

-- name: stored_rows
-- All columns of the tickers' rows; a number stands for a ticker, its place in $tickers.
WITH asked AS (
    SELECT unnest($tickers::VARCHAR[]) AS ticker, generate_subscripts($tickers::VARCHAR[], 1) - 1 AS number
)
SELECT number, session, open, high, low, close, adj_close, volume, dividend, split
FROM prices
JOIN asked USING (ticker)
ORDER BY number, session;

-- name: newest_by_exchange
-- The newest stored session of each exchange; tickers without a state count for $default.
SELECT coalesce(tickers.exchange, $default) AS exchange, max(prices.session) AS newest
FROM (SELECT ticker, max(session) AS session FROM prices GROUP BY ticker) AS prices
LEFT JOIN tickers USING (ticker)
GROUP BY 1;

-- name: stored_sources
SELECT DISTINCT source FROM prices;

-- name: successors
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

-- name: listings
SELECT ticker, exchange FROM listings WHERE ticker IN (SELECT unnest($tickers));

-- name: delete_listings
DELETE FROM listings USING vendor_listings WHERE listings.ticker = vendor_listings.ticker AND listings.exchange <> vendor_listings.exchange;

-- name: insert_listings
INSERT INTO listings BY NAME
SELECT vendor_listings.*, $source AS source, $learnt_at AS learnt_at, $run_id AS run_id
FROM vendor_listings
ANTI JOIN listings USING (ticker);

-- name: price_tickers
-- Every ticker that has prices, and its last session.
SELECT ticker, max(session) AS last_session FROM prices GROUP BY ticker ORDER BY ticker;
