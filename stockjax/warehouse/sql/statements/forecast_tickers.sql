SELECT DISTINCT ticker FROM forecasts ORDER BY ticker;
