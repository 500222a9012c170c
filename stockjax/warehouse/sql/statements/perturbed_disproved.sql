-- The bars of $as_of turn out to be wrong by the next ones.
INSERT INTO prices BY NAME SELECT * FROM original.prices WHERE session <> $as_of;
