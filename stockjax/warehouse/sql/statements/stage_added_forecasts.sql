-- A row once written is never changed: what the ledger has is passed over. The bound on as_of lets
-- the scan of the ledger skip what is older than all the rows.
CREATE OR REPLACE TEMP TABLE added AS
SELECT rows.*, $code_version AS code_version, $run_id AS run_id, $created_at AS created_at
FROM rows
ANTI JOIN (
    SELECT ticker, as_of, model, origin FROM forecasts WHERE as_of >= $first
) AS kept USING (ticker, as_of, model, origin)
QUALIFY row_number() OVER (PARTITION BY ticker, as_of, model, origin) = 1;
