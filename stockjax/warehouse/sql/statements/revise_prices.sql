-- Keep what the vendor now says differently.
INSERT INTO price_revisions BY NAME
SELECT
    stored.* EXCLUDE (run_id), replaced.reason, $replaced_at AS replaced_at, $run_id AS run_id,
    $known_until AS known_until
FROM stored
JOIN replaced USING (ticker, session)
ORDER BY ticker, session;
