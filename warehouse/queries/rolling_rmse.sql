-- How has the error of one ticker developed, beside the random walk's?
SELECT lstm.session, lstm.n, lstm.rmse, walk.rmse AS rmse_random_walk, lstm.mae, walk.mae AS mae_random_walk
FROM rolling_metrics AS lstm
JOIN rolling_metrics AS walk USING (ticker, origin, session, window_sessions)
WHERE lstm.model = 'lstm' AND walk.model = 'random_walk' AND lstm.window_sessions = 63 AND ticker = 'AAPL'
ORDER BY lstm.session;
