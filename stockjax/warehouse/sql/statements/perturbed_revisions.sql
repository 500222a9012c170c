-- What was restated, as it is.
INSERT INTO price_revisions BY NAME SELECT * FROM original.price_revisions;
