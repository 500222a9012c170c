CREATE OR REPLACE MACRO prices_as_of(moment) AS TABLE
    SELECT ticker, session, open, high, low, close, adj_close, volume, dividend, split, source, fetched_at
    FROM prices
    WHERE fetched_at <= moment::TIMESTAMP
    UNION ALL
    SELECT ticker, session, open, high, low, close, adj_close, volume, dividend, split, source, fetched_at
    FROM price_revisions
    WHERE fetched_at <= moment::TIMESTAMP AND replaced_at > moment::TIMESTAMP;
COMMENT ON MACRO TABLE prices_as_of IS 'prices_as_of(moment): the prices as this warehouse knew them at a moment (UTC), columns as in prices but run_id.';
