-- The sums of every window that ends at or after a ticker's first session due. A window is the last
-- w sessions of the ticker, so that a session without a forecast makes n smaller instead of
-- reaching further back.
INSERT INTO sums BY NAME
WITH sessions AS (
    SELECT ticker, session, row_number() OVER (PARTITION BY ticker ORDER BY session) AS position
    FROM prices
    WHERE ticker IN (SELECT unnest($tickers))
),
firsts AS (
    SELECT sessions.ticker, min(position) AS first_position
    FROM sessions
    JOIN due ON due.ticker = sessions.ticker AND sessions.session >= due.first_session
    GROUP BY sessions.ticker
),
placed AS (
    SELECT terms.*, position, first_position
    FROM score_terms($tickers, DATE '0001-01-01', DATE '0001-01-01', DATE '9999-12-31') AS terms
    JOIN sessions ON sessions.ticker = terms.ticker AND sessions.session = terms.session
    JOIN firsts ON firsts.ticker = terms.ticker
    WHERE position > first_position - list_max($windows)
)
SELECT
    ticker, model, origin, session, w AS window_sessions, count(*) OVER span AS n,
    sum(square) OVER span AS square,
    sum(absolute) OVER span AS absolute,
    sum(relative) OVER span AS relative,
    sum(return_square) OVER span AS return_square,
    sum(return_absolute) OVER span AS return_absolute,
    sum(paired_square) OVER span AS paired_square,
    sum(walk_square) OVER span AS walk_square,
    sum(paired_absolute) OVER span AS paired_absolute,
    sum(walk_absolute) OVER span AS walk_absolute,
    sum(told) OVER span AS told,
    sum(right_direction) OVER span AS right_direction,
    sum(pinball) OVER span AS pinball,
    sum(paired_pinball) OVER span AS paired_pinball,
    sum(har_pinball) OVER span AS har_pinball,
    sum(winkler_90) OVER span AS winkler_90,
    sum(width_90) OVER span AS width_90,
    sum(inside_50) OVER span AS inside_50,
    sum(inside_90) OVER span AS inside_90,
    sum(late) OVER span AS late
FROM placed, unnest($windows) AS windows(w)
WINDOW span AS (
    PARTITION BY ticker, model, origin, w ORDER BY position RANGE BETWEEN w - 1 PRECEDING AND CURRENT ROW
)
QUALIFY position >= first_position;
