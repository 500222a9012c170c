DELETE FROM newest_forecasts USING newest
WHERE newest_forecasts.ticker = newest.ticker AND newest_forecasts.model = newest.model;
