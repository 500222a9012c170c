-- name: abandon_runs
-- Runs of a flow that never ended: their process died, because this run holds the lock of the flow.
UPDATE runs SET status = 'crashed', finished_at = $moment WHERE status = 'running' AND flow = $flow;

-- name: start_run
INSERT INTO runs BY NAME
SELECT $run_id AS run_id, $flow_run_id AS flow_run_id, $flow AS flow, $as_of AS as_of,
    $started_at AS started_at, 'running' AS status, $code_version AS code_version, $environment AS environment;

-- name: finish_run
UPDATE runs SET finished_at = $finished_at, status = $status, as_of = $as_of, counts = $counts WHERE run_id = $run_id;

-- name: run_by_id
SELECT run_id, flow, as_of, status, environment, started_at
FROM runs
WHERE run_id = $run_id OR (len($run_id) >= 6 AND starts_with(run_id, $run_id));

-- name: last_night
SELECT max(as_of) AS as_of FROM forecasts WHERE origin <> 'backtest';

-- name: first_start
SELECT min(start) FROM due;

-- name: delete_tickers
DELETE FROM tickers USING states WHERE tickers.ticker = states.ticker;

-- name: replace_tickers
INSERT INTO tickers BY NAME
SELECT states.*, $updated_at AS updated_at, $run_id AS run_id FROM states ORDER BY ticker;

-- name: status_table
-- The freshness and state of every ticker, those with problems first.
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

-- name: last_outcomes
-- The newest forecast of every ticker that has an outcome, and the outcome.
SELECT ticker, target, predicted_close * restated_units AS predicted_close, q05 * restated_units AS q05,
    q95 * restated_units AS q95, actual_close * restated_units AS actual_close, inside_90
FROM scored_forecasts
WHERE model = 'lstm' AND as_of > (SELECT max(as_of) FROM forecasts) - INTERVAL 30 DAY
QUALIFY row_number() OVER (
    PARTITION BY ticker ORDER BY target DESC, list_position(['nightly', 'catchup', 'backtest'], origin)
) = 1;

-- name: stale_tickers
-- Tickers of the newest universe without fresh prices; those that are no longer asked for keep
-- their state for good.
SELECT ticker, reason
FROM tickers
WHERE state IN ('stale', 'failed') AND updated_at = (SELECT max(updated_at) FROM tickers)
ORDER BY ticker;

-- name: surveyed_tickers
-- The universe of the last night, whatever became of each.
SELECT ticker FROM tickers WHERE updated_at = (SELECT max(updated_at) FROM tickers) ORDER BY ticker;
