-- A champion trained on the past does not take over from one that has seen more.
INSERT INTO models BY NAME
SELECT
    fresh.* REPLACE (
        hyperparameters::JSON AS hyperparameters,
        CASE WHEN EXISTS (
            FROM champions AS newer
            WHERE newer.role = fresh.role
                AND newer.ticker IS NOT DISTINCT FROM fresh.ticker
                AND newer.since > fresh.trained_through
        ) AND fresh.status = 'champion' THEN 'retired' ELSE fresh.status END AS status
    ),
    $run_id AS run_id,
    $trained_at AS trained_at
FROM fresh
ANTI JOIN models USING (model_id);
