-- What was known of announcements at a moment? (moment)
SELECT ticker, kind, date, timing, reaction, status, source, known_at
FROM events_as_of(coalesce(getvariable('moment')::TIMESTAMP, now()::TIMESTAMP))
WHERE status <> 'reported'
ORDER BY date, ticker;
