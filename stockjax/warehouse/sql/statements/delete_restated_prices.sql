DELETE FROM prices AS stored
USING incoming
WHERE stored.ticker = incoming.ticker
    AND stored.session = incoming.session
    AND (stored.open, stored.high, stored.low, stored.close, stored.adj_close, stored.volume, stored.dividend, stored.split)
    IS DISTINCT FROM
    (incoming.open, incoming.high, incoming.low, incoming.close, incoming.adj_close, incoming.volume, incoming.dividend, incoming.split);
