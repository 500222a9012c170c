-- How sure are the skills of the last sessions, if whole days are drawn again a thousand times?
WITH days AS (
    SELECT origin, target
    FROM (SELECT DISTINCT origin, target FROM forecasts)
    QUALIFY row_number() OVER (PARTITION BY origin ORDER BY target DESC)
        <= coalesce(getvariable('window')::INTEGER, 63) + 300
),
recent AS MATERIALIZED (
    SELECT ticker, model, origin, as_of, target, return_error, pinball,
        dense_rank() OVER (PARTITION BY origin ORDER BY target DESC) AS age
    FROM scored_forecasts
    SEMI JOIN days USING (origin, target)
    QUALIFY age <= coalesce(getvariable('window')::INTEGER, 63)
),
beside AS (
    SELECT ticker, as_of, origin,
        any_value(return_error) FILTER (WHERE model = 'random_walk') AS walk_error,
        any_value(pinball) FILTER (WHERE model = 'har') AS har_pinball
    FROM recent
    GROUP BY ALL
),
daily AS (
    SELECT model, origin, target, count(*) AS n, sum(return_error ** 2) AS square, sum(walk_error ** 2) AS walk_square,
        sum(pinball) AS pinball, sum(har_pinball) AS har_pinball
    FROM recent
    JOIN beside USING (ticker, as_of, origin)
    WHERE walk_error IS NOT NULL AND har_pinball IS NOT NULL
    GROUP BY ALL
),
placed AS (
    SELECT *, dense_rank() OVER (PARTITION BY origin ORDER BY target) - 1 AS place FROM daily
),
lengths AS (
    SELECT origin, max(place) + 1 AS sessions FROM placed GROUP BY origin
),
-- The same draws for every model; they depend on nothing but their number.
drawn AS (
    SELECT model, origin, draw,
        1 - sqrt(sum(square) / nullif(sum(walk_square), 0)) AS rmse_skill,
        1 - sum(pinball) / nullif(sum(har_pinball), 0) AS pinball_skill
    FROM (
        SELECT origin, draws.range AS draw, hash(draws.range, turns.range) % sessions AS place
        FROM lengths, range(1000) AS draws, range(sessions) AS turns
    )
    JOIN placed USING (origin, place)
    GROUP BY model, origin, draw
),
bounds AS (
    SELECT model, origin, quantile_cont(rmse_skill, [0.025, 0.975]) AS rmse, quantile_cont(pinball_skill, [0.025, 0.975]) AS pinball
    FROM drawn
    GROUP BY model, origin
),
summed AS (
    SELECT model, origin, count(*) AS sessions, sum(n) AS n,
        1 - sqrt(sum(square) / nullif(sum(walk_square), 0)) AS rmse_skill,
        1 - sum(pinball) / nullif(sum(har_pinball), 0) AS pinball_skill
    FROM daily
    GROUP BY model, origin
)
SELECT
    model, origin, sessions, n, rmse_skill, bounds.rmse[1] AS rmse_skill_low, bounds.rmse[2] AS rmse_skill_high,
    CASE
        WHEN model = 'random_walk' THEN 'benchmark'
        WHEN sessions < 20 THEN 'too few'
        WHEN bounds.rmse[1] > 0 THEN 'better'
        WHEN bounds.rmse[2] < 0 THEN 'worse'
        ELSE 'tie'
    END AS rmse_verdict,
    pinball_skill, bounds.pinball[1] AS pinball_skill_low, bounds.pinball[2] AS pinball_skill_high,
    CASE
        WHEN model = 'har' THEN 'benchmark'
        WHEN sessions < 20 THEN 'too few'
        WHEN bounds.pinball[1] > 0 THEN 'better'
        WHEN bounds.pinball[2] < 0 THEN 'worse'
        ELSE 'tie'
    END AS pinball_verdict
FROM summed
JOIN bounds USING (model, origin)
ORDER BY origin, pinball_skill DESC;
