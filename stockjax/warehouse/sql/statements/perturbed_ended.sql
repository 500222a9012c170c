-- Every second ticker ends at $as_of.
INSERT INTO prices BY NAME SELECT * FROM original.prices WHERE session <= $as_of OR hash(ticker) % 2 = 0;
