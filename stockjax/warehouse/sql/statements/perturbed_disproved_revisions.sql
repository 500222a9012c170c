INSERT INTO price_revisions BY NAME
SELECT
    last.*, fetched_at AS replaced_at, 'disproved' AS reason,
    coalesce(
        (SELECT min(session) FROM original.prices AS later WHERE later.ticker = last.ticker AND later.session > $as_of),
        $as_of + 1
    ) AS known_until
FROM original.prices AS last
WHERE session = $as_of;
