-- What did the latest trainings bring, against the models they started from?
SELECT ticker, role, status, trained_through, trained_at, validation_loss, champion_loss,
    champion_loss - validation_loss AS gain, model_id
FROM models
WHERE getvariable('ticker') IS NULL OR ticker = getvariable('ticker')
ORDER BY trained_at DESC, ticker
LIMIT 20;
