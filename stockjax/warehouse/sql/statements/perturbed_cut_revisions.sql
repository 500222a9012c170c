-- What was restated of the days up to $as_of.
INSERT INTO price_revisions BY NAME SELECT * FROM original.price_revisions WHERE session <= $as_of;
