INSERT INTO model_changes BY NAME
WITH changed AS (
    SELECT displaced AS model_id, role, ticker, 'champion' AS previous, 'retired' AS status, since
    FROM promotions
    WHERE displaced IS NOT NULL
    UNION ALL BY NAME
    SELECT model_id, role, ticker, previous, 'champion' AS status, since FROM promotions
)
SELECT
    (SELECT coalesce(max(change), 0) FROM model_changes)
        + row_number() OVER (ORDER BY status = 'champion', model_id) AS change,
    changed.*, $cause AS cause, $reason AS reason, $changed_at AS changed_at, $changed_by AS changed_by
FROM changed;
