-- Who reports next, and how wide is the interval against its usual width?
SELECT
    ticker, date, timing, status, reaction, reacts_next, round(100 * usual_reaction, 1) AS usual_reaction_percent, reactions,
    round(width_ratio, 2) AS width_ratio
FROM upcoming_events
ORDER BY reaction, ticker;
