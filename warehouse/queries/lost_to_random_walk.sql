-- Which models did worse than "tomorrow = today" lately, ticker by ticker?
SELECT ticker, model, origin, session, n, rmse, rmse_skill, mae_skill
FROM rolling_metrics
WHERE window_sessions = coalesce(getvariable('window')::INTEGER, 63) AND model <> 'random_walk'
QUALIFY session = max(session) OVER (PARTITION BY ticker, model, origin) AND (rmse_skill < 0 OR mae_skill < 0)
ORDER BY rmse_skill;
