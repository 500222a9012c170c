-- Whose 90% interval changed most since the session before?
WITH ranked AS (
    SELECT ticker, as_of, target, ln(q95 / q05) AS width, scale,
        dense_rank() OVER (PARTITION BY ticker ORDER BY as_of DESC) AS age
    FROM forecasts
    WHERE model = coalesce(getvariable('model'), 'lstm')
        AND as_of > (SELECT max(as_of) FROM forecasts) - INTERVAL 14 DAY
)
SELECT DISTINCT now_made.ticker, now_made.target, now_made.width, before.width AS width_before,
    now_made.width / before.width - 1 AS change
FROM ranked AS now_made
JOIN ranked AS before ON before.ticker = now_made.ticker AND before.age = 2
WHERE now_made.age = 1
ORDER BY abs(ln(now_made.width / before.width)) DESC
LIMIT 20;
