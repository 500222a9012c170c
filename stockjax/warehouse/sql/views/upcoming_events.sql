CREATE OR REPLACE VIEW upcoming_events AS
WITH newest AS (FROM events_as_of('infinity')),
tonight AS (
    SELECT ticker, as_of, target, ln(q95 / q05) AS width_90 FROM latest_forecasts WHERE model = 'lstm'
),
usual AS (
    SELECT ticker, median(ln(q95 / q05)) AS width_90
    FROM forecasts
    WHERE model = 'lstm' AND as_of > (SELECT max(as_of) - 92 FROM latest_forecasts)
    GROUP BY ticker
),
moves AS (
    SELECT
        prices.ticker, prices.session,
        abs(ln(adj_close / lag(adj_close) OVER (PARTITION BY prices.ticker ORDER BY prices.session))) AS move
    FROM prices
    SEMI JOIN reactions ON reactions.ticker = prices.ticker
),
past AS (
    SELECT moves.ticker, avg(move) AS usual_reaction, count(*) AS reactions
    FROM moves
    JOIN reactions ON reactions.ticker = moves.ticker AND reactions.reaction = moves.session AND reactions.reported
    GROUP BY moves.ticker
)
SELECT
    newest.ticker, newest.kind, newest.date, newest.timing, newest.reaction, newest.after_close, newest.status,
    newest.exact, newest.known_at, newest.source, past.usual_reaction, coalesce(past.reactions, 0) AS reactions,
    tonight.target, newest.reaction = tonight.target AS reacts_next, tonight.width_90, usual.width_90 AS usual_width_90,
    tonight.width_90 / usual.width_90 AS width_ratio
FROM newest
LEFT JOIN tonight ON tonight.ticker = newest.ticker
LEFT JOIN usual ON usual.ticker = newest.ticker
LEFT JOIN past ON past.ticker = newest.ticker
WHERE newest.status IN ('scheduled', 'estimated', 'assumed', 'projected')
    AND newest.reaction > coalesce(tonight.as_of, (SELECT max(as_of) FROM runs WHERE flow = 'forecast'), DATE '1900-01-01')
    -- What was projected and has not come is no longer expected.
    AND NOT EXISTS (
        FROM newest AS later
        WHERE later.ticker = newest.ticker AND later.kind = newest.kind AND later.status = 'reported'
            AND later.date > newest.date
    );
COMMENT ON VIEW upcoming_events IS 'The newest notice of every announcement still to come, with the reaction that is usual for the ticker, and the width of tonight''s interval against its usual one.';
COMMENT ON COLUMN upcoming_events.ticker IS 'Symbol as the source of prices spells it.';
COMMENT ON COLUMN upcoming_events.kind IS 'What is announced.';
COMMENT ON COLUMN upcoming_events.date IS 'Day of the announcement.';
COMMENT ON COLUMN upcoming_events.timing IS 'Time of day: before, during, after or unknown.';
COMMENT ON COLUMN upcoming_events.reaction IS 'Session whose return will hold the reaction.';
COMMENT ON COLUMN upcoming_events.after_close IS 'Probability that the session after the day reacts.';
COMMENT ON COLUMN upcoming_events.status IS 'scheduled, estimated, assumed or projected.';
COMMENT ON COLUMN upcoming_events.exact IS 'Probability that the date is right.';
COMMENT ON COLUMN upcoming_events.known_at IS 'Moment since which this is known (UTC).';
COMMENT ON COLUMN upcoming_events.source IS 'Who says so; cadence for a projection.';
COMMENT ON COLUMN upcoming_events.usual_reaction IS 'Mean absolute log return on the ticker''s past reactions.';
COMMENT ON COLUMN upcoming_events.reactions IS 'Past reactions that this is the mean of.';
COMMENT ON COLUMN upcoming_events.target IS 'Session that tonight''s forecast is about.';
COMMENT ON COLUMN upcoming_events.reacts_next IS 'Whether that session is the one that reacts.';
COMMENT ON COLUMN upcoming_events.width_90 IS 'Width of tonight''s q05 to q95 of lstm in log returns.';
COMMENT ON COLUMN upcoming_events.usual_width_90 IS 'Median of the same over the ticker''s forecasts of the last 92 days.';
COMMENT ON COLUMN upcoming_events.width_ratio IS 'width_90 over usual_width_90.';
