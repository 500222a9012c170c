-- Scheduled announcements as they were known, when sources of them were asked, and indices of implied volatility.

CREATE TABLE events (
    notice_id VARCHAR NOT NULL,
    announcement_id VARCHAR NOT NULL,
    ticker VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    date DATE NOT NULL,
    timing VARCHAR NOT NULL,
    reaction DATE NOT NULL,
    after_close DOUBLE NOT NULL,
    exact DOUBLE NOT NULL,
    status VARCHAR NOT NULL,
    known_at TIMESTAMP NOT NULL,
    known_from DATE NOT NULL,
    source VARCHAR NOT NULL,
    supersedes VARCHAR,
    run_id VARCHAR NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);

CREATE TABLE event_checks (
    ticker VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    as_of DATE NOT NULL,
    content VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    checked_at TIMESTAMP NOT NULL
);

CREATE TABLE market_context (
    series VARCHAR NOT NULL,
    session DATE NOT NULL,
    close DOUBLE NOT NULL,
    known_from DATE NOT NULL,
    source VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);

ALTER TABLE forecast_inputs ADD COLUMN context JSON;
