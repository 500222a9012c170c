-- name: drift_states
SELECT scope, ticker, monitor, as_of, last_session, seen, step, wealth
FROM drift_state
ORDER BY monitor, scope, ticker;

-- name: drift_pending
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

-- name: raised_alarms
-- The session of the last alarm of coverage or scale, by ticker; NULL is the universe.
SELECT ticker, max(as_of) AS raised
FROM drift
WHERE alarm AND monitor IN ('coverage', 'scale') AND as_of BETWEEN $first AND $as_of
GROUP BY ticker;

-- name: append_drift
INSERT INTO drift BY NAME
SELECT
    fresh.scope, fresh.ticker, fresh.monitor, fresh.session, $as_of AS as_of, fresh.tickers, fresh.observation,
    fresh.evidence, fresh.threshold, fresh.alarm, fresh.direction, fresh.seen, fresh.step, $run_id AS run_id
FROM fresh
ANTI JOIN drift
    ON drift.monitor = fresh.monitor AND drift.session = fresh.session
    AND drift.ticker IS NOT DISTINCT FROM fresh.ticker
ORDER BY fresh.monitor, fresh.session, fresh.ticker;

-- name: delete_drift_states
DELETE FROM drift_state
USING states
WHERE drift_state.monitor = states.monitor AND drift_state.ticker IS NOT DISTINCT FROM states.ticker;

-- name: insert_drift_states
INSERT INTO drift_state BY NAME SELECT *, $as_of AS as_of FROM states;

-- name: drift_alarms
-- Alarms of one night; the universe first, then the tickers that were asked for.
SELECT scope, ticker, monitor, session, direction, evidence, threshold
FROM drift
WHERE alarm AND as_of = $as_of AND session >= $as_of - INTERVAL 7 DAY
    AND (ticker IS NULL OR ticker IN (SELECT unnest($tickers)))
ORDER BY scope DESC, monitor, ticker;

-- name: drift_watched
-- How far the monitors are from an alarm, after a night.
SELECT monitor, scope, count(*) AS streams, max(evidence / threshold) AS nearest
FROM drift
WHERE session = (SELECT max(session) FROM drift WHERE as_of <= $as_of) AND as_of <= $as_of
GROUP BY monitor, scope
ORDER BY scope DESC, monitor;
