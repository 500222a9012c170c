SELECT max(session) FROM prices;
