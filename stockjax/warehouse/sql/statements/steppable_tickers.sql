-- Tickers of which every new outcome continues sums that end at the session before.
SELECT moved.ticker
FROM moved
JOIN steps ON steps.ticker = moved.ticker AND steps.age = 1
LEFT JOIN window_sums AS sums
    ON sums.ticker = moved.ticker AND sums.model = moved.model AND sums.origin = moved.origin
    AND sums.session = steps.session
GROUP BY moved.ticker
HAVING count(sums.session) = len($windows) * count(DISTINCT (moved.model, moved.origin))
ORDER BY moved.ticker;
