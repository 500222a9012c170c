SELECT count(*) AS n, min(as_of) AS first, max(as_of) AS last FROM forecasts WHERE ticker = $ticker;
