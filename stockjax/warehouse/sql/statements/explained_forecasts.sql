-- Rows of the ledger with what they were made from, and how the run that made them computed.
SELECT forecasts.*, inputs.as_of AS through, inputs.read_at, inputs.tickers, inputs.exchanges, inputs.fingerprints,
    inputs.replayed, inputs.forecast_sessions, runs.environment
FROM forecasts
LEFT JOIN forecast_inputs AS inputs
    ON inputs.run_id = forecasts.run_id
    AND inputs.replayed = (forecasts.origin = 'backtest')
    AND (inputs.replayed OR inputs.as_of = forecasts.as_of)
LEFT JOIN runs ON runs.run_id = forecasts.run_id
WHERE forecasts.ticker = $ticker AND CASE WHEN $by_target THEN forecasts.target ELSE forecasts.as_of END = $day
ORDER BY list_position(['nightly', 'catchup', 'backtest'], forecasts.origin), forecasts.model;
