-- The sums of every window that ends at one session: $behind sessions before the newest one of
-- each ticker. Each forecast is read once; a longer window adds the older ones to the shorter.
INSERT INTO sums BY NAME
WITH aged AS (
    SELECT prices.ticker, prices.session, row_number() OVER (PARTITION BY prices.ticker ORDER BY prices.session DESC) - 1 AS age
    FROM prices
    SEMI JOIN (SELECT unnest($tickers) AS ticker) AS chosen USING (ticker)
    WHERE prices.session > $after
),
buckets AS (
    SELECT age, list_min(list_filter($windows, lambda w: w > age - $behind)) AS bucket
    FROM range($behind, list_max($windows) + $behind) AS ages(age)
),
bucketed AS (
    SELECT
        terms.ticker, terms.model, terms.origin, bucket, count(*) AS n,
        max(terms.session) FILTER (WHERE age = $behind) AS session,
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
    FROM score_terms($tickers, $first, $after, DATE '9999-12-31') AS terms
    JOIN aged ON aged.ticker = terms.ticker AND aged.session = terms.session
    JOIN buckets USING (age)
    GROUP BY terms.ticker, terms.model, terms.origin, bucket
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
FROM bucketed
JOIN unnest($windows) AS windows(w) ON bucket <= w
GROUP BY ticker, model, origin, w
-- A session without a forecast has no row of its own.
HAVING max(session) IS NOT NULL;
