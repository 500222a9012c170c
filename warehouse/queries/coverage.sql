-- Do the intervals cover as often as they promise, on calm days as on wild ones?
SELECT model, origin, group_name AS volatility, n, coverage_50, coverage_90, below_05, above_95
FROM calibration
WHERE grouping_kind = 'volatility'
ORDER BY origin, model, list_position(['low', 'middle', 'high'], group_name);
