INSERT INTO drift_state BY NAME SELECT *, $as_of AS as_of FROM states;
