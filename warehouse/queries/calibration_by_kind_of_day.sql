-- Do the intervals hold on sessions that react to an announcement, and on all others?
SELECT model, origin, kind_of_day, n, round(coverage_50, 3) AS coverage_50, round(coverage_90, 3) AS coverage_90, round(100 * pinball_skill, 2) AS pinball_skill_percent
FROM calibration_by_day
ORDER BY model, origin, kind_of_day DESC;
