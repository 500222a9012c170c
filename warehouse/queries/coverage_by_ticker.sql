-- Of which tickers do the 90% intervals hold least as promised, beyond what chance would do?
SELECT group_name AS ticker, origin, n, coverage_90, (coverage_90 - 0.9) / sqrt(0.9 * 0.1 / n) AS standard_errors
FROM calibration
WHERE grouping_kind = 'ticker' AND model = coalesce(getvariable('model'), 'lstm')
ORDER BY abs(coverage_90 - 0.9) / sqrt(0.9 * 0.1 / n) DESC
LIMIT 20;
