-- A row once written is never changed: what the ledger has is passed over.
INSERT INTO forecasts BY NAME
SELECT rows.*, $code_version AS code_version, $run_id AS run_id, $created_at AS created_at
FROM rows
ANTI JOIN forecasts USING (ticker, as_of, model, origin)
QUALIFY row_number() OVER (PARTITION BY ticker, as_of, model, origin) = 1
ORDER BY as_of, ticker, model;
