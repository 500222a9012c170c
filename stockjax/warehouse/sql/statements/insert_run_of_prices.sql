INSERT INTO prices FROM run ORDER BY ticker, session;
