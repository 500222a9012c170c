SELECT min(first_session) FROM unscored;
