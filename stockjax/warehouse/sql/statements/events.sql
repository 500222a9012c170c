-- name: append_events
-- Notices that are not stored yet.
INSERT INTO events BY NAME
SELECT fresh.*, $run_id AS run_id, $recorded_at AS recorded_at
FROM fresh_events AS fresh
ANTI JOIN events AS stored ON stored.notice_id = fresh.notice_id;

-- name: delete_older_event_checks
DELETE FROM event_checks USING fresh_checks AS fresh
WHERE event_checks.ticker = fresh.ticker AND event_checks.source = fresh.source AND event_checks.as_of <= fresh.as_of;

-- name: insert_event_checks
INSERT INTO event_checks BY NAME
SELECT fresh.ticker, fresh.source, fresh.as_of, fresh.content, $run_id AS run_id, $checked_at AS checked_at
FROM fresh_checks AS fresh
ANTI JOIN event_checks AS stored ON stored.ticker = fresh.ticker AND stored.source = fresh.source;

-- name: events_of
-- The notices of tickers that a session could use, in the order in which they became known.
SELECT
    notice_id, announcement_id, ticker, kind, date, timing, reaction, after_close, exact, status, known_at, known_from,
    source, supersedes
FROM events
SEMI JOIN (SELECT unnest($tickers) AS ticker) AS asked USING (ticker)
WHERE known_from <= $last AND known_from >= $first
    AND ($read_at IS NULL OR recorded_at <= $read_at)
ORDER BY ticker, kind, known_from, known_at, recorded_at, status = 'reported', rowid;

-- name: last_event_checks
SELECT ticker, source, as_of, content FROM event_checks WHERE ticker IN (SELECT unnest($tickers));

-- name: append_market_context
INSERT INTO market_context BY NAME
SELECT fresh.*, $run_id AS run_id, $recorded_at AS recorded_at
FROM fresh_context AS fresh
ANTI JOIN market_context AS stored ON stored.series = fresh.series AND stored.session = fresh.session;

-- name: market_context_of
SELECT series, session, close, known_from
FROM market_context
WHERE list_contains($series, series) AND session <= $last AND ($read_at IS NULL OR recorded_at <= $read_at)
ORDER BY series, session;

-- name: newest_market_context
SELECT series, session, close FROM market_context WHERE list_contains($series, series)
QUALIFY row_number() OVER (PARTITION BY series ORDER BY session DESC) <= $count
ORDER BY series, session;

-- name: delete_events
-- Of a copy that the leak audit makes.
DELETE FROM events;
