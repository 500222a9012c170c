-- How far the monitors are from an alarm, after a night.
SELECT monitor, scope, count(*) AS streams, max(evidence / threshold) AS nearest
FROM drift
WHERE session = (SELECT max(session) FROM drift WHERE as_of <= $as_of) AND as_of <= $as_of
GROUP BY monitor, scope
ORDER BY scope DESC, monitor;
