UPDATE models
SET status = CASE WHEN models.model_id = promotions.model_id THEN 'champion' ELSE 'retired' END
FROM promotions
WHERE models.model_id IN (promotions.model_id, promotions.displaced);
