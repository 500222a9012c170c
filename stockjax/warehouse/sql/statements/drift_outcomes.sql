-- Outcomes of the network's forecasts up to $as_of that the monitors have not taken: those of the
-- ticker, or of the universe. Coverage and scale take the same ones, in one transaction. A forecast of a night counts before one that was caught up; replays are taken only
-- where nothing later was seen.
WITH taken AS (SELECT ticker, session FROM drift WHERE monitor = 'scale' AND session >= $first),
newest AS (SELECT ticker, last_session FROM drift_state WHERE monitor = 'scale'),
open_forecasts AS (
    SELECT
        made.ticker, made.as_of, made.target, made.origin,
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
),
chosen AS (
    FROM open_forecasts
    QUALIFY row_number() OVER (
        PARTITION BY ticker, target ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)
    ) = 1
),
pending AS MATERIALIZED (
    SELECT *, count(*) OVER (PARTITION BY target) AS promised_that_day FROM chosen
),
outcomes AS (
    SELECT
        pending.*,
        scored.return_error / scored.scale AS residual, scored.inside_50, scored.inside_90,
        count(*) OVER (PARTITION BY pending.target) AS arrived
    FROM pending
    JOIN scored_forecasts AS scored
        ON scored.ticker = pending.ticker AND scored.as_of = pending.as_of
        AND scored.target = pending.target AND scored.origin = pending.origin AND scored.model = 'lstm'
    WHERE scored.target BETWEEN $first AND $as_of
)
SELECT
    ticker, target AS session, residual, inside_50, inside_90, of_ticker,
    -- Of a day that the universe has not taken, every forecast is pending.
    of_universe AND arrived >= $share * promised_that_day AS of_universe
FROM outcomes
WHERE of_ticker OR (of_universe AND arrived >= $share * promised_that_day)
ORDER BY session, ticker;
