CREATE OR REPLACE MACRO events_as_of(moment) AS TABLE
    SELECT
        announcement_id, ticker, kind, date, timing, reaction, after_close, exact, status, known_at, known_from, source
    FROM events
    WHERE known_at <= moment::TIMESTAMP
    QUALIFY row_number() OVER (
        PARTITION BY announcement_id ORDER BY known_at DESC, recorded_at DESC, status = 'reported' DESC, rowid DESC
    ) = 1;
COMMENT ON MACRO TABLE events_as_of IS 'events_as_of(moment): the newest notice of each announcement that was known at a moment (UTC).';
