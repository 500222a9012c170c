INSERT INTO quarantine BY NAME
SELECT refused.*, $source AS source, $run_id AS run_id, $seen_at AS seen_at
FROM (SELECT ticker, session, reason, severity, "row"::JSON AS "row" FROM refused) AS refused
WHERE NOT EXISTS (
    FROM quarantine AS known
    WHERE known.ticker IS NOT DISTINCT FROM refused.ticker
        AND known.session IS NOT DISTINCT FROM refused.session
        AND known.reason = refused.reason
        AND known.source = $source
        AND known."row" = refused."row"
);
