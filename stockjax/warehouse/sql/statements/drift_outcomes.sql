-- Outcomes of the network's forecasts up to $as_of that the monitors have not taken: those of the
-- ticker, or of the universe. Coverage and scale take the same ones, in one transaction. A forecast of a night counts before one that was caught up; replays are taken only
-- where nothing later was seen.
WITH promised AS (
    SELECT ticker, as_of, target, origin
    FROM forecasts
    WHERE model = 'lstm' AND target BETWEEN $first AND $as_of
    QUALIFY row_number() OVER (
        PARTITION BY ticker, target ORDER BY list_position(['nightly', 'catchup', 'backtest'], origin)
    ) = 1
),
taken AS (SELECT ticker, session FROM drift WHERE monitor = 'scale' AND session >= $first),
newest AS (SELECT ticker, last_session FROM drift_state WHERE monitor = 'scale'),
pending AS MATERIALIZED (
    SELECT
        promised.*,
        count(*) OVER (PARTITION BY promised.target) AS promised_that_day,
        known.ticker IS NULL
            AND (promised.origin <> 'backtest' OR promised.target > coalesce(own.last_session, DATE '0001-01-01'))
            AS of_ticker,
        day.session IS NULL
            AND (promised.origin <> 'backtest' OR promised.target > coalesce(shared.last_session, DATE '0001-01-01'))
            AS of_universe
    FROM promised
    LEFT JOIN taken AS known ON known.ticker = promised.ticker AND known.session = promised.target
    LEFT JOIN (FROM taken WHERE ticker IS NULL) AS day ON day.session = promised.target
    LEFT JOIN newest AS own ON own.ticker = promised.ticker
    LEFT JOIN (FROM newest WHERE ticker IS NULL) AS shared ON true
    QUALIFY of_ticker OR of_universe
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
