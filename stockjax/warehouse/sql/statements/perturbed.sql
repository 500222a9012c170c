-- name: perturbed_begun
-- As many tickers again begin after $as_of.
INSERT INTO prices BY NAME
SELECT * FROM original.prices
UNION ALL BY NAME
SELECT * REPLACE (ticker || '.LATER' AS ticker) FROM original.prices WHERE session > $as_of;

-- name: perturbed_begun_listings
INSERT INTO listings BY NAME SELECT * REPLACE (ticker || '.LATER' AS ticker) FROM original.listings;

-- name: perturbed_corrupted
-- Every row after $as_of multiplied by numbers of its own, between a half and double.
INSERT INTO prices BY NAME
WITH nonsense AS (
    SELECT
        *,
        CASE WHEN session <= $as_of THEN 1 ELSE 2 ** (hash(ticker, session, 1) % 1000 / 500 - 0.999) END AS traded,
        CASE WHEN session <= $as_of THEN 1 ELSE 2 ** (hash(ticker, session, 2) % 1000 / 500 - 0.999) END AS adjusted,
        CASE WHEN session <= $as_of THEN 1 ELSE 2 ** (hash(ticker, session, 3) % 1000 / 500 - 0.999) END AS shares
    FROM original.prices
)
SELECT
    * EXCLUDE (traded, adjusted, shares)
    REPLACE (
        open * traded AS open, high * traded AS high, low * traded AS low, close * traded AS close,
        adj_close * adjusted AS adj_close, volume * shares AS volume
    )
FROM nonsense;

-- name: perturbed_cut
-- Nothing after $as_of: the day as it was.
INSERT INTO prices BY NAME SELECT * FROM original.prices WHERE session <= $as_of;

-- name: perturbed_cut_revisions
-- What was restated of the days up to $as_of.
INSERT INTO price_revisions BY NAME SELECT * FROM original.price_revisions WHERE session <= $as_of;

-- name: perturbed_disproved
-- The bars of $as_of turn out to be wrong by the next ones.
INSERT INTO prices BY NAME SELECT * FROM original.prices WHERE session <> $as_of;

-- name: perturbed_disproved_revisions
INSERT INTO price_revisions BY NAME
SELECT
    last.*, fetched_at AS replaced_at, 'disproved' AS reason,
    coalesce(
        (SELECT min(session) FROM original.prices AS later WHERE later.ticker = last.ticker AND later.session > $as_of),
        $as_of + 1
    ) AS known_until
FROM original.prices AS last
WHERE session = $as_of;

-- name: perturbed_ended
-- Every second ticker ends at $as_of.
INSERT INTO prices BY NAME SELECT * FROM original.prices WHERE session <= $as_of OR hash(ticker) % 2 = 0;

-- name: perturbed_restated
-- Every row up to $as_of in other units and with another shape, restated after all that is stored.
INSERT INTO prices BY NAME
SELECT * REPLACE (
    open * (2 + 0.1 * (hash(ticker, session) % 7)) AS open, high * (2 + 0.1 * (hash(ticker, session) % 7)) AS high,
    low * (2 + 0.1 * (hash(ticker, session) % 7)) AS low, close * (2 + 0.1 * (hash(ticker, session) % 7)) AS close,
    adj_close * (2 + 0.1 * (hash(ticker, session) % 7)) AS adj_close, volume * 3 AS volume
), (SELECT greatest(max(session), max(known_from)) + 1 FROM original.prices) AS known_from
FROM (SELECT * EXCLUDE (known_from) FROM original.prices)
WHERE session <= $as_of
UNION ALL BY NAME
SELECT * FROM original.prices WHERE session > $as_of;

-- name: perturbed_restated_revisions
INSERT INTO price_revisions BY NAME
SELECT
    *, fetched_at AS replaced_at, 'restatement' AS reason,
    (SELECT greatest(max(session), max(known_from)) + 1 FROM original.prices) AS known_until
FROM original.prices
WHERE session <= $as_of;

-- name: perturbed_revisions
-- What was restated, as it is.
INSERT INTO price_revisions BY NAME SELECT * FROM original.price_revisions;

-- name: perturbed_shuffled
-- The rows after $as_of exchanged among the days of their ticker.
INSERT INTO prices BY NAME
WITH later AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY ticker ORDER BY session) AS place,
        row_number() OVER (PARTITION BY ticker ORDER BY hash(ticker, session), session) AS other_place
    FROM original.prices
    WHERE session > $as_of
)
SELECT other.* EXCLUDE (place, other_place) REPLACE (later.session AS session)
FROM later
JOIN later AS other ON other.ticker = later.ticker AND other.place = later.other_place
UNION ALL BY NAME
SELECT * FROM original.prices WHERE session <= $as_of;

-- name: perturbed_unchanged
-- The same prices: what the altered copies are compared with.
INSERT INTO prices BY NAME SELECT * FROM original.prices;

-- name: perturbed_events
-- The notices as they are; the audit derives them again from what it alters.
INSERT INTO events BY NAME SELECT * FROM original.events;

-- name: perturbed_context
INSERT INTO market_context BY NAME SELECT * FROM original.market_context;

-- name: perturbed_context_cut
INSERT INTO market_context BY NAME SELECT * FROM original.market_context WHERE session <= $as_of;

-- name: perturbed_context_corrupted
INSERT INTO market_context BY NAME
SELECT * REPLACE (
    CASE WHEN session <= $as_of THEN close ELSE close * 2 ** (hash(series, session) % 1000 / 500 - 0.999) END AS close
)
FROM original.market_context;
