INSERT INTO listings BY NAME
SELECT told.*, $source AS source, $learnt_at AS learnt_at, $run_id AS run_id
FROM told
ANTI JOIN listings USING (ticker);
