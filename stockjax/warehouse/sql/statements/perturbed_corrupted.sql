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
