-- Who is due for training by alarms of coverage or scale that were known at $as_of: the base (NULL) by
-- those of the universe, a ticker by its own and by those. A training since then is the answer to an
-- alarm, taken into force or not; the base that a search has found has other settings, and is none.
WITH alarms AS (
    SELECT ticker, max(as_of) AS raised
    FROM drift
    WHERE alarm AND monitor IN ('coverage', 'scale') AND as_of BETWEEN $first AND $as_of
    GROUP BY ticker
),
due AS (
    SELECT asked.ticker, max(alarms.raised) AS raised
    FROM unnest($tickers) AS asked(ticker)
    JOIN alarms ON alarms.ticker IS NULL OR alarms.ticker = asked.ticker
    GROUP BY asked.ticker
    UNION ALL
    FROM alarms
    WHERE ticker IS NULL
)
SELECT due.ticker
FROM due
ANTI JOIN models
    ON models.role = CASE WHEN due.ticker IS NULL THEN 'base' ELSE 'ticker' END
    AND models.ticker IS NOT DISTINCT FROM due.ticker
    AND NOT coalesce(models.replayed, false)
    AND json_extract(models.hyperparameters, '$.search') IS NULL
    AND models.trained_through BETWEEN due.raised AND $as_of
ORDER BY due.ticker;
