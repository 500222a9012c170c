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

-- name: backtest_by_day
-- The same forecasts with the pinball loss of har next to their own, by what the target is to an announcement: one that
-- reacts or another; where the time of day is not known also the day itself and the session after it.
WITH scored AS (
    SELECT *, count(*) OVER (PARTITION BY ticker, as_of) AS models
    FROM scored_forecasts
    WHERE origin = 'backtest' AND as_of BETWEEN $first AND $last
        AND (len($tickers) = 0 OR ticker IN (SELECT unnest($tickers)))
),
complete AS (
    SELECT scored.*, har.pinball AS benchmark
    FROM scored
    JOIN scored AS har ON har.ticker = scored.ticker AND har.as_of = scored.as_of AND har.model = 'har'
    WHERE scored.models = (SELECT max(models) FROM scored)
),
kinds AS (
    SELECT *, CASE WHEN reaction THEN 'reaction' ELSE 'other' END AS kind_of_day FROM complete
    UNION ALL BY NAME
    SELECT complete.*, 'day of the announcement' AS kind_of_day
    FROM complete
    JOIN reactions ON reactions.ticker = complete.ticker AND reactions.date = complete.target
        AND reactions.timing = 'unknown'
    UNION ALL BY NAME
    SELECT complete.*, 'session after it' AS kind_of_day
    FROM complete
    JOIN reactions ON reactions.ticker = complete.ticker AND reactions.date = complete.as_of
        AND reactions.timing = 'unknown'
)
SELECT
    model, kind_of_day, ticker, outcome_session AS session, pinball, benchmark, inside_50, inside_90,
    ticker IN (SELECT ticker FROM reactions) AS dated
FROM kinds
ORDER BY model, kind_of_day, ticker, outcome_session;

-- name: drawn_days
SELECT drawn_day(draw, turns.range, $days) AS day
FROM bootstrap_draws(), range($days) AS turns
ORDER BY draw, turns.range;
