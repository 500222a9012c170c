-- In which months did a model beat HAR, and was it by one day only?
WITH daily AS (
    SELECT own.target, own.origin, sum(own.pinball) AS loss, sum(har.pinball) AS har_loss, count(*) AS n
    FROM scored_forecasts AS own
    JOIN scored_forecasts AS har USING (ticker, as_of, origin)
    WHERE own.model = coalesce(getvariable('model'), 'lstm') AND har.model = 'har'
    GROUP BY ALL
)
SELECT origin, date_trunc('month', target)::DATE AS month, count(*) AS sessions, sum(n) AS n,
    1 - sum(loss) / sum(har_loss) AS pinball_skill,
    avg((loss < har_loss)::INTEGER) AS share_of_days_won
FROM daily
GROUP BY ALL
ORDER BY origin, month;
