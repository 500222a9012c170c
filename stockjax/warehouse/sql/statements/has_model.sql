-- Whether a model of that name has ever been kept.
SELECT count(*) > 0 FROM models WHERE model_id = $model_id;
