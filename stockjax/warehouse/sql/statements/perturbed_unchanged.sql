-- The same prices: what the altered copies are compared with.
INSERT INTO prices BY NAME SELECT * FROM original.prices;
