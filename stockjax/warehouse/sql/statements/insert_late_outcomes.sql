-- Targets without a price, of the tickers due, whose next price is among the sessions due. Every fetch asks for
-- the sessions before its first new one again, so that such a target was asked for with that next price.
INSERT INTO late_outcomes BY NAME
WITH passed AS (
    SELECT DISTINCT forecasts.ticker, target, due.first_session, due.start
    FROM forecasts
    JOIN due ON due.ticker = forecasts.ticker AND target >= due.start AND target < due.newest
    ANTI JOIN prices ON prices.ticker = forecasts.ticker AND prices.session = target AND prices.session >= $floor
    WHERE target >= $floor
)
SELECT passed.ticker, target, min(prices.session) AS session
FROM passed
JOIN prices ON prices.ticker = passed.ticker AND prices.session > target AND prices.session >= $floor
GROUP BY passed.ticker, target
HAVING min(prices.session) >= any_value(first_session)
ORDER BY passed.ticker, target;
