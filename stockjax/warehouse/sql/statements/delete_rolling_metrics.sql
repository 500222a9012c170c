DELETE FROM rolling_metrics WHERE session >= $first_session;
