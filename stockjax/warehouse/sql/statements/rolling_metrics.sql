-- Replaces the metrics of every session from $first_session on, of some tickers at a time: the
-- window functions keep all their rows in memory.
INSERT INTO rolling_metrics BY NAME
-- Rolling errors of every forecast whose target is at or after $first_session.
-- A window is the last w sessions of the ticker, so that a session without a forecast
-- makes n smaller instead of reaching further back.
WITH sessions AS (
    SELECT
        ticker, session,
        row_number() OVER by_session AS position,
        -- A split of 2:1 halves close and leaves adj_close alone. Vendors that adjust close
        -- themselves show no such jump. The smallest common split is 5:4; a dividend that
        -- moves the price as much is as rare, and its units are taken for a split's.
        ln((lag(close) OVER by_session / close) * (adj_close / lag(adj_close) OVER by_session)) AS jump
    FROM prices
    WHERE ticker IN (SELECT unnest($tickers))
    WINDOW by_session AS (PARTITION BY ticker ORDER BY session)
),
units AS (
    SELECT
        ticker, session, position,
        sum(CASE WHEN abs(jump) > ln(1.2) THEN jump ELSE 0 END)
            OVER (PARTITION BY ticker ORDER BY session) AS log_units
    FROM sessions
),
needed AS (
    SELECT ticker, max(position) AS last_before
    FROM units
    WHERE session < $first_session
    GROUP BY ticker
),
known AS MATERIALIZED (
    FROM scored_forecasts WHERE ticker IN (SELECT unnest($tickers))
),
beside AS (
    SELECT
        ticker, as_of, origin,
        any_value(return_error) FILTER (WHERE model = 'random_walk') AS walk_error,
        any_value(pinball) FILTER (WHERE model = 'har') AS har_pinball
    FROM known
    GROUP BY ticker, as_of, origin
),
scored AS (
    SELECT
        s.ticker, s.model, s.origin, s.target, outcome.position,
        s.error * s.restated_units * exp(basis.log_units) AS error,
        abs(s.error) / s.actual_close AS relative,
        s.return_error, s.pinball, s.crps, s.winkler_90, s.width_90, s.inside_50, s.inside_90,
        CASE WHEN s.predicted_return <> 0 AND s.actual_return <> 0
            THEN (sign(s.predicted_return) = sign(s.actual_return))::INTEGER END AS right_direction,
        beside.walk_error, beside.har_pinball
    FROM known AS s
    JOIN beside USING (ticker, as_of, origin)
    JOIN units AS outcome ON outcome.ticker = s.ticker AND outcome.session = s.target
    JOIN units AS basis ON basis.ticker = s.ticker AND basis.session = s.as_of
    LEFT JOIN needed ON needed.ticker = s.ticker
    WHERE outcome.position > coalesce(needed.last_before, 0) - (SELECT max(w) FROM unnest($windows) AS t(w))
),
windowed AS (
    SELECT
        ticker, model, origin, target AS session, w AS window_sessions,
        count(*) OVER span AS n,
        sqrt(avg(error ** 2) OVER span) AS unit_rmse,
        avg(abs(error)) OVER span AS unit_mae,
        avg(relative) OVER span AS mape,
        sqrt(avg(return_error ** 2) OVER span) AS return_rmse,
        avg(abs(return_error)) OVER span AS return_mae,
        avg(return_error ** 2) FILTER (WHERE walk_error IS NOT NULL) OVER span AS paired_square,
        avg(walk_error ** 2) OVER span AS walk_square,
        avg(abs(return_error)) FILTER (WHERE walk_error IS NOT NULL) OVER span AS paired_absolute,
        avg(abs(walk_error)) OVER span AS walk_absolute,
        avg(right_direction) OVER span AS direction,
        avg(pinball) OVER span AS pinball,
        avg(pinball) FILTER (WHERE har_pinball IS NOT NULL) OVER span AS paired_pinball,
        avg(har_pinball) OVER span AS har_pinball,
        avg(crps) OVER span AS crps,
        avg(winkler_90) OVER span AS winkler_90,
        avg(width_90) OVER span AS width_90,
        avg(inside_50::INTEGER) OVER span AS coverage_50,
        avg(inside_90::INTEGER) OVER span AS coverage_90
    FROM scored, unnest($windows) AS t(w)
    WINDOW span AS (
        PARTITION BY ticker, model, origin, w ORDER BY position
        RANGE BETWEEN w - 1 PRECEDING AND CURRENT ROW
    )
)
SELECT
    ticker, model, origin, session, window_sessions, n,
    unit_rmse * exp(-log_units) AS rmse,
    unit_mae * exp(-log_units) AS mae,
    mape, return_rmse, return_mae,
    1 - sqrt(paired_square / nullif(walk_square, 0)) AS rmse_skill,
    1 - paired_absolute / nullif(walk_absolute, 0) AS mae_skill,
    direction, pinball,
    1 - paired_pinball / nullif(har_pinball, 0) AS pinball_skill,
    coverage_50, coverage_90, crps, winkler_90, width_90
FROM windowed
JOIN units USING (ticker, session)
WHERE session >= $first_session
ORDER BY ticker, model, origin, window_sessions, session
