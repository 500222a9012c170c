INSERT INTO forecasts BY NAME FROM added ORDER BY as_of, ticker, model;
