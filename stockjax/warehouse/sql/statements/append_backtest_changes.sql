-- In the order in which the nights would have changed them; written again, nothing is added.
INSERT INTO backtest_model_changes BY NAME
SELECT
    (SELECT coalesce(max(change), 0) FROM backtest_model_changes)
        + row_number() OVER (ORDER BY since, role = 'ticker', status = 'champion', model_id) AS change,
    changes.* REPLACE (since::DATE AS since),
    $run_id AS run_id, $changed_at AS changed_at
FROM changes
ANTI JOIN backtest_model_changes AS noted USING (model_id, status, since);
