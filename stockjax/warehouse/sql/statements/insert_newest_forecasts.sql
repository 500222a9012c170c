INSERT INTO newest_forecasts BY NAME FROM newest ORDER BY ticker, model;
