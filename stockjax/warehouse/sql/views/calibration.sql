CREATE OR REPLACE VIEW calibration AS
WITH graded AS (
    SELECT
        s.*,
        CASE ntile(3) OVER (PARTITION BY s.ticker, s.model, s.origin ORDER BY ewma.scale)
            WHEN 1 THEN 'low' WHEN 2 THEN 'middle' ELSE 'high'
        END AS tercile
    FROM scored_forecasts AS s
    JOIN forecasts AS ewma
        ON ewma.ticker = s.ticker AND ewma.as_of = s.as_of AND ewma.origin = s.origin
        AND ewma.model = 'ewma'
),
grouped AS (
    SELECT model, origin, 'ticker' AS grouping_kind, ticker AS group_name, * FROM graded
    UNION ALL
    SELECT model, origin, 'volatility' AS grouping_kind, tercile AS group_name, * FROM graded
)
SELECT
    model, origin, grouping_kind, group_name, count(*) AS n,
    avg(inside_50::INTEGER) AS coverage_50,
    avg(inside_90::INTEGER) AS coverage_90,
    avg((actual_close < q05)::INTEGER) AS below_05,
    avg((actual_close > q95)::INTEGER) AS above_95,
    sum(late::INTEGER)::BIGINT AS late
FROM grouped
GROUP BY ALL;
COMMENT ON VIEW calibration IS 'How often closes fell inside the intervals, by ticker and by terciles of each ticker''s own EWMA volatility.';
COMMENT ON COLUMN calibration.model IS 'lstm, or a baseline: random_walk, ewma, har.';
COMMENT ON COLUMN calibration.origin IS 'nightly, catchup or backtest; never mixed.';
COMMENT ON COLUMN calibration.n IS 'Scored forecasts in the group.';
COMMENT ON COLUMN calibration.coverage_50 IS 'Share of closes between q25 and q75; 0.50 is honest.';
COMMENT ON COLUMN calibration.coverage_90 IS 'Share of closes between q05 and q95; 0.90 is honest.';
COMMENT ON COLUMN calibration.grouping_kind IS 'ticker or volatility.';
COMMENT ON COLUMN calibration.group_name IS 'The ticker, or low, middle, high.';
COMMENT ON COLUMN calibration.below_05 IS 'Share of closes under q05; 0.05 is honest.';
COMMENT ON COLUMN calibration.above_95 IS 'Share of closes over q95; 0.05 is honest.';
COMMENT ON COLUMN calibration.late IS 'Forecasts in the group without a price of their target, compared with the next price of their ticker.';
