-- Models that a night or a search has made, newest first; with $tickers all of theirs, else champions and challengers.
SELECT models.model_id, models.role, models.ticker, status, trained_through, validation_loss, purged_at, champions.since
FROM models
LEFT JOIN champions USING (model_id)
WHERE NOT coalesce(replayed, false)
    AND CASE WHEN len($tickers) = 0 THEN status IN ('champion', 'challenger')
        ELSE models.ticker IN (SELECT unnest($tickers)) END
ORDER BY models.role, models.ticker, champions.since IS NULL, trained_through DESC, trained_at DESC;
