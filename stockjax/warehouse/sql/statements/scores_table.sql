-- Where the 63-session metrics of every ticker and model stand, of the origin with most to show.
WITH newest AS (
    SELECT *
    FROM rolling_metrics
    WHERE window_sessions = 63 AND session <= $until AND list_contains($tickers, ticker)
    QUALIFY row_number() OVER (PARTITION BY ticker, model, origin ORDER BY session DESC) = 1
)
SELECT *
FROM newest
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY n DESC, session DESC) = 1
ORDER BY ticker, model;
