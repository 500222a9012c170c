-- How fresh is every ticker, and is anything wrong with one?
SELECT ticker, state, last_session, sessions, reason FROM tickers ORDER BY state, ticker;
