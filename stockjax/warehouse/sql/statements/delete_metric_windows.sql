DELETE FROM metric_windows;
