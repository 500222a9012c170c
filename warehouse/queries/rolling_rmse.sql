-- How has the error of one ticker developed, next to the random walk's?
SELECT
    ticker, own.model, own.session, own.origin, own.n, own.rmse, walk.rmse AS rmse_random_walk,
    own.mae, walk.mae AS mae_random_walk
FROM rolling_metrics AS own
JOIN rolling_metrics AS walk USING (ticker, origin, session, window_sessions)
WHERE own.model = coalesce(getvariable('model'), 'lstm') AND walk.model = 'random_walk'
    AND own.window_sessions = coalesce(getvariable('window')::INTEGER, 63)
    AND ticker = coalesce(getvariable('ticker'), 'AAPL')
ORDER BY own.origin, own.session;
