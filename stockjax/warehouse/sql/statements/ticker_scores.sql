-- Where a ticker's metrics stand: of every model and window the newest, of the origin with most to show.
SELECT model, window_sessions, origin, session, n, rmse, rmse_skill, mae_skill, pinball_skill, coverage_50, coverage_90
FROM rolling_metrics
WHERE ticker = $ticker
QUALIFY row_number() OVER (PARTITION BY model, window_sessions ORDER BY session DESC, n DESC) = 1
ORDER BY list_position(['lstm', 'har', 'ewma', 'random_walk'], model), window_sessions;
