-- Which tickers were forecast best over the last 63 sessions, and what is forecast for them next?
WITH past AS (
    SELECT *
    FROM rolling_metrics
    WHERE window_sessions = coalesce(getvariable('window')::INTEGER, 63)
    QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY session DESC, n DESC) = 1
)
SELECT
    ticker, past.session AS scored_through, past.n, past.rmse_skill, past.pinball_skill, past.coverage_90,
    next.target, next.predicted_close, next.q05, next.q95
FROM past
JOIN latest_forecasts AS next USING (ticker, model)
WHERE model = coalesce(getvariable('model'), 'lstm')
ORDER BY past.rmse_skill DESC;
