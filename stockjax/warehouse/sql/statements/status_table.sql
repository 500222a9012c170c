-- Every ticker's freshness and state, those that need a look first.
SELECT
    tickers.ticker, tickers.state, tickers.exchange, tickers.source, tickers.sessions,
    tickers.first_session, tickers.last_session, tickers.sessions_behind,
    newest.as_of AS forecast_from, newest.target AS forecast_for,
    tickers.updated_at, tickers.reason
FROM tickers
LEFT JOIN (
    SELECT ticker, as_of, target FROM latest_forecasts WHERE model = 'lstm'
) AS newest USING (ticker)
ORDER BY
    list_position(['failed', 'delisted', 'stale', 'too_short', 'active'], tickers.state),
    tickers.last_session, tickers.ticker;
