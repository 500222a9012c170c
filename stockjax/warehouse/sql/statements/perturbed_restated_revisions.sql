INSERT INTO price_revisions BY NAME
SELECT
    *, fetched_at AS replaced_at, 'restatement' AS reason,
    (SELECT greatest(max(session), max(known_from)) + 1 FROM original.prices) AS known_until
FROM original.prices
WHERE session <= $as_of;
