INSERT INTO prices BY NAME
SELECT incoming.*, $source AS source, $fetched_at AS fetched_at, $run_id AS run_id, $known_from AS known_from
FROM incoming
ANTI JOIN (FROM stored ANTI JOIN replaced USING (ticker, session)) AS unchanged USING (ticker, session)
ORDER BY ticker, session;
