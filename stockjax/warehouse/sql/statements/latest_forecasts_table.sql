FROM latest_forecasts ORDER BY ticker, model;
