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
