-- What ingest needs to know of a ticker, and the prices as they were known at a moment.

ALTER TABLE tickers ADD COLUMN exchange_from VARCHAR;
COMMENT ON COLUMN tickers.exchange_from IS 'Who says so: settings, vendor, or default (the setting exchange).';
ALTER TABLE tickers ADD COLUMN source VARCHAR;
COMMENT ON COLUMN tickers.source IS 'Source of the run that judged it.';

ALTER TABLE tickers ADD COLUMN sessions_behind INTEGER;
COMMENT ON COLUMN tickers.sessions_behind IS 'Sessions of its exchange, at that run, without a price after last_session; 0 is up to date.';

CREATE TABLE listings (
    ticker VARCHAR NOT NULL,
    exchange VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    learnt_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
);
COMMENT ON TABLE listings IS 'Where vendors say that tickers trade; settings may say otherwise, see tickers.';
COMMENT ON COLUMN listings.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN listings.exchange IS 'Exchange calendar, by its ISO 10383 code.';
COMMENT ON COLUMN listings.source IS 'Source that said so.';
COMMENT ON COLUMN listings.learnt_at IS 'When it was said first.';
COMMENT ON COLUMN listings.run_id IS 'Run that was told.';

-- A row without a ticker is refused, and on record.
ALTER TABLE quarantine ALTER COLUMN ticker DROP NOT NULL;

ALTER TABLE models ADD COLUMN replayed BOOLEAN;
COMMENT ON COLUMN models.replayed IS 'Whether it was trained for a replay of the past and never was in force.';
UPDATE models SET replayed = path LIKE '%-replay-%';

-- A vendor's numbers carry the noise of its own rounding; what is below a millionth is not news.
CREATE MACRO differs(stored, incoming) AS
    stored IS DISTINCT FROM incoming AND coalesce(abs(stored - incoming) > 1e-6 * abs(stored), true);
COMMENT ON MACRO differs IS 'Whether two numbers differ by more than a millionth, or one is missing.';

CREATE MACRO prices_as_of(moment) AS TABLE
    SELECT ticker, session, open, high, low, close, adj_close, volume, dividend, split, source, fetched_at
    FROM prices
    WHERE fetched_at <= moment::TIMESTAMP
    UNION ALL
    SELECT ticker, session, open, high, low, close, adj_close, volume, dividend, split, source, fetched_at
    FROM price_revisions
    WHERE fetched_at <= moment::TIMESTAMP AND replaced_at > moment::TIMESTAMP;
COMMENT ON MACRO TABLE prices_as_of IS 'prices_as_of(moment): the prices as this warehouse knew them at a moment (UTC), columns as in prices but run_id.';

COMMENT ON COLUMN price_revisions.reason IS 'split, dividend, restatement (anything else), withdrawn (the vendor no longer has the row), disproved (the next row shows it was an error) or recycled (the symbol is another company''s now).';
COMMENT ON COLUMN tickers.state IS 'active; stale or delisted after 5 or 21 sessions without a price (settings history.…); too_short for a forecast; failed: nothing is stored, or the source now gives another history.';
COMMENT ON COLUMN quarantine.severity IS 'reject (kept out of prices), repair (stored mended) or flag (stored as delivered).';
COMMENT ON COLUMN runs.counts IS 'What the run did: tickers, missed sessions, failures with reasons, and of ingest the rows read, stored and rejected, those replaced by reason, and those noted by check.';
