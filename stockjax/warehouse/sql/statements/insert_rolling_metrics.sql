-- Averages out of the sums.
INSERT INTO rolling_metrics BY NAME
WITH units AS (
    SELECT
        ticker, session AS since,
        coalesce(lead(session) OVER by_session, DATE '9999-12-31') AS until,
        sum(log_change) OVER by_session AS log_units
    FROM unit_changes
    WINDOW by_session AS (PARTITION BY ticker ORDER BY session)
)
SELECT
    sums.ticker, model, origin, session, window_sessions, n,
    sqrt(square::DOUBLE / n / 2 ** 70) * exp(-log_units) AS rmse,
    absolute::DOUBLE / n / 2 ** 70 * exp(-log_units) AS mae,
    relative::DOUBLE / n / 2 ** 70 AS mape,
    sqrt(return_square::DOUBLE / n / 2 ** 70) AS return_rmse,
    return_absolute::DOUBLE / n / 2 ** 70 AS return_mae,
    1 - sqrt(paired_square::DOUBLE / nullif(walk_square, 0)) AS rmse_skill,
    1 - paired_absolute::DOUBLE / nullif(walk_absolute, 0) AS mae_skill,
    right_direction::DOUBLE / nullif(told, 0) AS direction,
    pinball::DOUBLE / n / 2 ** 70 AS pinball,
    1 - paired_pinball::DOUBLE / nullif(har_pinball, 0) AS pinball_skill,
    inside_50::DOUBLE / n AS coverage_50,
    inside_90::DOUBLE / n AS coverage_90,
    2 * pinball::DOUBLE / n / 2 ** 70 AS crps,
    winkler_90::DOUBLE / n / 2 ** 70 AS winkler_90,
    width_90::DOUBLE / n / 2 ** 70 AS width_90,
    late::INTEGER AS late
FROM sums
JOIN units ON units.ticker = sums.ticker AND sums.session >= units.since AND sums.session < units.until
ORDER BY session, sums.ticker, model, origin, window_sessions;
