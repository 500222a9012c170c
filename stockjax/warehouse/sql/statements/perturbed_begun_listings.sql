INSERT INTO listings BY NAME SELECT * REPLACE (ticker || '.LATER' AS ticker) FROM original.listings;
