DELETE FROM rolling_metrics USING due
WHERE rolling_metrics.ticker = due.ticker AND rolling_metrics.session >= due.first_session;
