CREATE OR REPLACE VIEW forecasts_without_outcome AS
WITH closed AS (
    SELECT ticker, max(newest) OVER (PARTITION BY exchange) AS closed, newest
    FROM (SELECT ticker, max(session) AS newest FROM prices GROUP BY ticker)
    LEFT JOIN tickers USING (ticker)
)
SELECT f.ticker, f.as_of, f.target, f.model, f.origin, closed.newest AS newest_session
FROM forecasts AS f
JOIN closed ON closed.ticker = f.ticker AND f.target <= closed.closed
LEFT JOIN prices AS outcome ON outcome.ticker = f.ticker AND outcome.session = f.target
LEFT JOIN late_outcomes AS late ON late.ticker = f.ticker AND late.target = f.target
LEFT JOIN prices AS basis ON basis.ticker = f.ticker AND basis.session = f.as_of
WHERE basis.close IS NULL OR (outcome.close IS NULL AND late.session IS NULL);
COMMENT ON VIEW forecasts_without_outcome IS 'Forecasts whose target has closed at the exchange of their ticker and that cannot be scored: the ticker has no price of the target and none after it (delisted, or still halted), or the price that the forecast began from was withdrawn. No coverage counts them; leaderboard counts them next to it.';
COMMENT ON COLUMN forecasts_without_outcome.ticker IS 'Symbol as the source spells it.';
COMMENT ON COLUMN forecasts_without_outcome.as_of IS 'Last completed session that the forecast used.';
COMMENT ON COLUMN forecasts_without_outcome.target IS 'Session that the forecast is about.';
COMMENT ON COLUMN forecasts_without_outcome.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN forecasts_without_outcome.origin IS 'nightly, catchup or backtest.';
COMMENT ON COLUMN forecasts_without_outcome.newest_session IS 'Newest session of the ticker that has a price.';
