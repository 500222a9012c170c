INSERT INTO metric_windows SELECT unnest($windows);
