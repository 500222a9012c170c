-- How the models were trained whose backtest forecasts of a range are stored.
SELECT DISTINCT models.hyperparameters
FROM forecasts
JOIN models USING (model_id)
WHERE forecasts.origin = 'backtest' AND forecasts.as_of BETWEEN $first AND $last
    AND forecasts.ticker IN (SELECT unnest($tickers));
