DELETE FROM unit_changes USING due WHERE unit_changes.ticker = due.ticker AND unit_changes.session >= due.first_session;
