-- What ingest needs to know of a ticker, and the prices as they were known at a moment.

ALTER TABLE tickers ADD COLUMN exchange_from VARCHAR;
ALTER TABLE tickers ADD COLUMN source VARCHAR;

ALTER TABLE tickers ADD COLUMN sessions_behind INTEGER;

CREATE TABLE listings (
    ticker VARCHAR NOT NULL,
    exchange VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    learnt_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
);

-- A row without a ticker is refused, and on record.
ALTER TABLE quarantine ALTER COLUMN ticker DROP NOT NULL;

ALTER TABLE models ADD COLUMN replayed BOOLEAN;
UPDATE models SET replayed = path LIKE '%-replay-%';
