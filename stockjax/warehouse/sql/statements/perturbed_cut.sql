-- Nothing after $as_of: the day as it was.
INSERT INTO prices BY NAME SELECT * FROM original.prices WHERE session <= $as_of;
