-- Where does the network see another risk than the best baseline, and who has been right lately?
SELECT lstm.ticker, lstm.target, lstm.scale, har.scale AS scale_har, lstm.scale / har.scale - 1 AS difference, past.pinball_skill
FROM latest_forecasts AS lstm
JOIN latest_forecasts AS har USING (ticker, as_of)
LEFT JOIN (
    SELECT ticker, pinball_skill
    FROM rolling_metrics
    WHERE model = 'lstm' AND window_sessions = 63
    QUALIFY row_number() OVER (PARTITION BY ticker ORDER BY session DESC, n DESC) = 1
) AS past USING (ticker)
WHERE lstm.model = 'lstm' AND har.model = 'har'
ORDER BY abs(ln(lstm.scale / har.scale)) DESC
LIMIT 20;
