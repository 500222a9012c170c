-- Who is expected to move much more, or less, than it did over the last quarter?
SELECT latest.ticker, latest.target, latest.scale, past.usual_move, latest.scale / past.usual_move AS ratio
FROM latest_forecasts AS latest
JOIN (
    SELECT ticker, stddev(ln(adj_close / before)) AS usual_move
    FROM (
        SELECT ticker, session, adj_close, lag(adj_close) OVER (PARTITION BY ticker ORDER BY session) AS before
        FROM prices
        WHERE session > (SELECT max(session) FROM prices) - INTERVAL 95 DAY
    )
    GROUP BY ticker
) AS past USING (ticker)
WHERE latest.model = coalesce(getvariable('model'), 'lstm')
ORDER BY abs(ln(latest.scale / past.usual_move)) DESC
LIMIT 20;
