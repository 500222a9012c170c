SELECT window_sessions FROM metric_windows ORDER BY window_sessions;
