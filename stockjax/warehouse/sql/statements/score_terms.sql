-- What every forecast of some tickers adds to the sums of a window, of outcomes after one day and
-- up to another, of forecasts from a first day on. Errors of money are in units of the ticker's first
-- close, so that a split changes nothing.
CREATE OR REPLACE TEMP MACRO score_terms(tickers, first, after, until) AS TABLE
WITH units AS (
    SELECT
        ticker, session AS since,
        coalesce(lead(session) OVER by_session, DATE '9999-12-31') AS ending,
        sum(log_change) OVER by_session AS log_units
    FROM unit_changes
    WINDOW by_session AS (PARTITION BY ticker ORDER BY session)
),
known AS MATERIALIZED (
    SELECT
        ticker, model, origin, as_of, error * restated_units AS error, abs(error) / actual_close AS relative,
        predicted_return, actual_return, return_error, pinball, winkler_90, width_90, inside_50, inside_90,
        outcome_session AS session, late
    FROM scored_forecasts
    WHERE ticker IN (SELECT unnest(tickers)) AND outcome_session > after AND outcome_session <= until
        AND as_of >= first AND as_of < until
),
beside AS (
    SELECT
        ticker, as_of, origin,
        any_value(return_error) FILTER (WHERE model = 'random_walk') AS walk_error,
        any_value(pinball) FILTER (WHERE model = 'har') AS har_pinball
    FROM known
    WHERE model IN ('random_walk', 'har')
    GROUP BY ticker, as_of, origin
)
SELECT
    known.ticker, known.model, known.origin, known.session,
    fixed((error * exp(log_units)) ** 2) AS square,
    fixed(abs(error * exp(log_units))) AS absolute,
    fixed(relative) AS relative,
    fixed(return_error ** 2) AS return_square,
    fixed(abs(return_error)) AS return_absolute,
    CASE WHEN walk_error IS NOT NULL THEN fixed(return_error ** 2) END AS paired_square,
    fixed(walk_error ** 2) AS walk_square,
    CASE WHEN walk_error IS NOT NULL THEN fixed(abs(return_error)) END AS paired_absolute,
    fixed(abs(walk_error)) AS walk_absolute,
    (predicted_return <> 0 AND actual_return <> 0)::INTEGER AS told,
    (predicted_return <> 0 AND sign(predicted_return) = sign(actual_return))::INTEGER AS right_direction,
    fixed(pinball) AS pinball,
    CASE WHEN har_pinball IS NOT NULL THEN fixed(pinball) END AS paired_pinball,
    fixed(har_pinball) AS har_pinball,
    fixed(winkler_90) AS winkler_90,
    fixed(width_90) AS width_90,
    inside_50::INTEGER AS inside_50,
    inside_90::INTEGER AS inside_90,
    late::INTEGER AS late
FROM known
JOIN units ON units.ticker = known.ticker AND known.as_of >= units.since AND known.as_of < units.ending
LEFT JOIN beside ON beside.ticker = known.ticker AND beside.as_of = known.as_of AND beside.origin = known.origin;
