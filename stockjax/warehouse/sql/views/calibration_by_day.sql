CREATE OR REPLACE VIEW calibration_by_day AS
SELECT
    scored.model,
    CASE WHEN scored.reaction THEN 'reaction' ELSE 'other' END AS kind_of_day,
    count(*) AS n,
    avg(scored.inside_50::INTEGER) AS coverage_50,
    avg(scored.inside_90::INTEGER) AS coverage_90,
    1 - sum(scored.pinball) / nullif(sum(har.pinball), 0) AS pinball_skill,
    scored.origin
FROM scored_forecasts AS scored
JOIN scored_forecasts AS har
    ON har.ticker = scored.ticker AND har.as_of = scored.as_of AND har.origin = scored.origin AND har.model = 'har'
GROUP BY ALL;
COMMENT ON VIEW calibration_by_day IS 'How often closes fell inside the intervals, and skill, on sessions that react to an announcement and on all others.';
COMMENT ON COLUMN calibration_by_day.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN calibration_by_day.kind_of_day IS 'reaction: the target reacts to an announcement; other: it does not, as far as sources tell.';
COMMENT ON COLUMN calibration_by_day.n IS 'Scored forecasts.';
COMMENT ON COLUMN calibration_by_day.coverage_50 IS 'Share of closes between q25 and q75; 0.50 is honest.';
COMMENT ON COLUMN calibration_by_day.coverage_90 IS 'Share of closes between q05 and q95; 0.90 is honest.';
COMMENT ON COLUMN calibration_by_day.pinball_skill IS '1 - pinball loss / that of har on the same forecasts.';
COMMENT ON COLUMN calibration_by_day.origin IS 'nightly, catchup or backtest; never mixed.';
