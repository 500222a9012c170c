-- Where the vendor changed its mind about the past, and what for.
SELECT ticker, reason, replaced_at, count(*) AS rows, min(session) AS first_session, max(session) AS last_session
FROM price_revisions
GROUP BY ticker, reason, replaced_at
ORDER BY replaced_at DESC, ticker;
