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
