-- How did one ticker react to its announcements, and was the interval wide enough? (ticker)
SELECT
    scored.target AS reaction, scored.origin, round(100 * (exp(scored.actual_return) - 1), 2) AS return_percent,
    round(100 * (scored.q95 - scored.q05) / scored.basis_close, 2) AS width_90_percent, scored.inside_90
FROM scored_forecasts AS scored
WHERE scored.ticker = coalesce(getvariable('ticker'), 'AAPL') AND scored.model = 'lstm' AND scored.reaction
ORDER BY scored.target DESC, scored.origin;
