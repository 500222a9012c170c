-- Keep what the vendor now says differently. `incoming` holds the checked rows of this run.
INSERT INTO price_revisions BY NAME
SELECT
    stored.* EXCLUDE (run_id),
    $replaced_at AS replaced_at,
    'restatement' AS reason,
    $run_id AS run_id
FROM prices AS stored
JOIN incoming USING (ticker, session)
WHERE (stored.open, stored.high, stored.low, stored.close, stored.adj_close, stored.volume, stored.dividend, stored.split)
    IS DISTINCT FROM
    (incoming.open, incoming.high, incoming.low, incoming.close, incoming.adj_close, incoming.volume, incoming.dividend, incoming.split);
