COMMENT ON TABLE metric_windows IS 'Windows that rolling_metrics and leaderboard have: the setting scores.windows at the last run.';
COMMENT ON COLUMN metric_windows.window_sessions IS 'Length in sessions.';
