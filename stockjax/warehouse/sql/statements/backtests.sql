-- name: backtest_state
SELECT state FROM backtest_states WHERE line = $line AND as_of < $before ORDER BY as_of DESC, written_at DESC LIMIT 1;

-- name: insert_backtest_state
INSERT INTO backtest_states BY NAME
SELECT $line AS line, $as_of AS as_of, $state::JSON AS state, $run_id AS run_id, $written_at AS written_at;

-- name: delete_backtest_state
-- A run leaves the state at which it stopped, and none of those on its way.
DELETE FROM backtest_states WHERE line = $line AND (as_of = $as_of OR run_id = $run_id);

-- name: backtest_scores
-- Scored backtest forecasts that every model made, the same ones in the same order for each.
WITH scored AS (
    SELECT *, count(*) OVER (PARTITION BY ticker, as_of) AS models
    FROM scored_forecasts
    WHERE origin = 'backtest' AND as_of BETWEEN $first AND $last
        AND (len($tickers) = 0 OR ticker IN (SELECT unnest($tickers)))
),
terciles AS (
    SELECT ticker, as_of, ntile(3) OVER (PARTITION BY ticker ORDER BY scale) AS tercile
    FROM scored
    WHERE model = 'ewma'
)
SELECT
    scored.model, scored.ticker, scored.outcome_session AS session, scored.return_error,
    abs(scored.error) / scored.actual_close AS relative_error,
    CASE WHEN scored.predicted_return <> 0 AND scored.actual_return <> 0
        THEN (sign(scored.predicted_return) = sign(scored.actual_return))::DOUBLE END AS right_direction,
    scored.pinball, scored.crps, scored.winkler_90, scored.width_90, scored.inside_50, scored.inside_90,
    terciles.tercile
FROM scored
JOIN terciles USING (ticker, as_of)
WHERE scored.models = (SELECT max(models) FROM scored)
ORDER BY scored.model, scored.ticker, scored.outcome_session;

-- name: drawn_days
SELECT drawn_day(draw, turns.range, $days) AS day
FROM bootstrap_draws(), range($days) AS turns
ORDER BY draw, turns.range;
