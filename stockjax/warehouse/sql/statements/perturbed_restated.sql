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
