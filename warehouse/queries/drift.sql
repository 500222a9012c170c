-- Have the forecasts or their inputs drifted, of the universe and of each ticker, and when last?
SELECT
    scope, ticker, monitor, max(session) AS watched_through, max(step) AS observations,
    arg_max(evidence, step) AS evidence, arg_max(threshold, step) AS threshold,
    count(*) FILTER (WHERE alarm) AS alarms, max(session) FILTER (WHERE alarm) AS last_alarm,
    arg_max(direction, session) FILTER (WHERE alarm) AS last_direction
FROM drift
GROUP BY scope, ticker, monitor
ORDER BY scope DESC, ticker, monitor;
