-- One row for each session of a ticker that reacts to an announcement: made, or firmly scheduled.
CREATE OR REPLACE VIEW reactions AS
WITH newest AS (FROM events_as_of('infinity'))
SELECT
    ticker, reaction, min(kind) AS kind, min(date) AS date, min(timing) AS timing,
    bool_or(status = 'reported') AS reported
FROM newest
WHERE status IN ('scheduled', 'assumed', 'reported')
GROUP BY ticker, reaction;
COMMENT ON VIEW reactions IS 'Sessions of tickers that react to an announcement, by the newest notice of each announcement that was made or is firmly scheduled.';
COMMENT ON COLUMN reactions.ticker IS 'Symbol as the source of prices spells it.';
COMMENT ON COLUMN reactions.reaction IS 'Session that reacts.';
COMMENT ON COLUMN reactions.kind IS 'What is announced.';
COMMENT ON COLUMN reactions.date IS 'Day of the announcement.';
COMMENT ON COLUMN reactions.timing IS 'Time of day: before, during, after or unknown.';
COMMENT ON COLUMN reactions.reported IS 'Whether the announcement has been made.';
