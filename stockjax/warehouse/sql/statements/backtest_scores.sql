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
SELECT scored.model, scored.ticker, scored.target, scored.pinball, scored.return_error,
    scored.inside_50, scored.inside_90, ln(scored.q95 / scored.q05) AS width_90, terciles.tercile
FROM scored
JOIN terciles USING (ticker, as_of)
WHERE scored.models = (SELECT max(models) FROM scored)
ORDER BY scored.model, scored.ticker, scored.target;
