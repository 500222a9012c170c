-- The newest 63-session metrics of every ticker and model, of the origin with most to show.
SELECT *
FROM rolling_metrics
WHERE window_sessions = 63 AND list_contains($tickers, ticker)
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY n DESC, session DESC) = 1
ORDER BY ticker, model;
