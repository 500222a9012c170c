DELETE FROM late_outcomes USING due
WHERE late_outcomes.ticker = due.ticker AND late_outcomes.session >= due.first_session;
