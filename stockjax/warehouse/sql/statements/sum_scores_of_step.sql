-- The sums of the windows that end one session later: what they were, with what enters and without
-- what leaves.
INSERT INTO sums BY NAME
WITH entering AS (
    SELECT moved.*
    FROM moved
    JOIN steps ON steps.ticker = moved.ticker AND steps.session = moved.session AND steps.age = 0
    WHERE moved.ticker IN (SELECT unnest($tickers))
),
leaving AS (
    SELECT moved.*, steps.age AS w
    FROM moved
    JOIN steps ON steps.ticker = moved.ticker AND steps.session = moved.session AND steps.age > 1
    WHERE moved.ticker IN (SELECT unnest($tickers))
),
parts AS (
    SELECT
        ticker, model, origin, session, w, 1 AS n,
        square, absolute, relative, return_square, return_absolute, paired_square, walk_square, paired_absolute, walk_absolute, told, right_direction, pinball, paired_pinball, har_pinball, winkler_90, width_90, inside_50, inside_90, late
    FROM entering, unnest($windows) AS windows(w)
    UNION ALL BY NAME
    SELECT
        ticker, model, origin, w, -1 AS n,
        -square AS square, -absolute AS absolute, -relative AS relative, -return_square AS return_square, -return_absolute AS return_absolute, -paired_square AS paired_square, -walk_square AS walk_square, -paired_absolute AS paired_absolute, -walk_absolute AS walk_absolute, -told AS told, -right_direction AS right_direction, -pinball AS pinball, -paired_pinball AS paired_pinball, -har_pinball AS har_pinball, -winkler_90 AS winkler_90, -width_90 AS width_90, -inside_50 AS inside_50, -inside_90 AS inside_90, -late AS late
    FROM leaving
    UNION ALL BY NAME
    SELECT
        ticker, model, origin, window_sessions AS w, n,
        square, absolute, relative, return_square, return_absolute, paired_square, walk_square, paired_absolute, walk_absolute, told, right_direction, pinball, paired_pinball, har_pinball, winkler_90, width_90, inside_50, inside_90, late
    FROM window_sums
    WHERE ticker IN (SELECT unnest($tickers))
)
SELECT
    ticker, model, origin, max(session) AS session, w AS window_sessions, sum(n) AS n,
    sum(square) AS square,
    sum(absolute) AS absolute,
    sum(relative) AS relative,
    sum(return_square) AS return_square,
    sum(return_absolute) AS return_absolute,
    sum(paired_square) AS paired_square,
    sum(walk_square) AS walk_square,
    sum(paired_absolute) AS paired_absolute,
    sum(walk_absolute) AS walk_absolute,
    sum(told) AS told,
    sum(right_direction) AS right_direction,
    sum(pinball) AS pinball,
    sum(paired_pinball) AS paired_pinball,
    sum(har_pinball) AS har_pinball,
    sum(winkler_90) AS winkler_90,
    sum(width_90) AS width_90,
    sum(inside_50) AS inside_50,
    sum(inside_90) AS inside_90,
    sum(late) AS late
FROM parts
GROUP BY ticker, model, origin, w
HAVING max(session) IS NOT NULL;
