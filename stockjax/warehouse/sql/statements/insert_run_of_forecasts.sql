INSERT INTO forecasts FROM run ORDER BY ticker, as_of, model, origin;
