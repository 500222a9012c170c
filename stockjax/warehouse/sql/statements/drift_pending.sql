-- Forecasts of lstm with targets up to $as_of whose outcome a monitor has not observed: that of the ticker, or
-- that of the universe. Coverage and scale observe the same ones, in one transaction. A forecast of a
-- night counts before one that was caught up; backtests count only where nothing later was observed.
WITH taken AS (SELECT ticker, session FROM drift WHERE monitor = 'scale' AND session >= $first),
newest AS (SELECT ticker, last_session FROM drift_state WHERE monitor = 'scale'),
open_forecasts AS (
    SELECT
        made.*,
        known.ticker IS NULL
            AND (made.origin <> 'backtest' OR made.target > coalesce(own.last_session, DATE '0001-01-01'))
            AS of_ticker,
        day.session IS NULL
            AND (made.origin <> 'backtest' OR made.target > coalesce(shared.last_session, DATE '0001-01-01'))
            AS of_universe
    FROM forecasts AS made
    LEFT JOIN taken AS known ON known.ticker = made.ticker AND known.session = made.target
    LEFT JOIN (FROM taken WHERE ticker IS NULL) AS day ON day.session = made.target
    LEFT JOIN newest AS own ON own.ticker = made.ticker
    LEFT JOIN (FROM newest WHERE ticker IS NULL) AS shared ON true
    WHERE made.model = 'lstm' AND made.target BETWEEN $first AND $as_of AND (of_ticker OR of_universe)
)
SELECT
    ticker, as_of, target, basis_close, predicted_return, scale, q05, q25, q75, q95, of_ticker, of_universe
FROM open_forecasts
QUALIFY row_number() OVER (
    PARTITION BY ticker, target ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)
) = 1
ORDER BY target, ticker;
