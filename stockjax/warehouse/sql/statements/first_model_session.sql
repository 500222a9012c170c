SELECT min(since) AS first FROM model_starts;
