INSERT INTO listings BY NAME
SELECT vendor_listings.*, $source AS source, $learnt_at AS learnt_at, $run_id AS run_id
FROM vendor_listings
ANTI JOIN listings USING (ticker);
