UPDATE models
SET validation_loss = $validation_loss, champion_loss = $champion_loss,
    status = CASE WHEN $won THEN status ELSE 'rejected' END
WHERE model_id = $model_id;
