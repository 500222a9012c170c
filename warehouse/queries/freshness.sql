-- How fresh is every ticker, and is anything wrong with one?
SELECT ticker, state, last_session, sessions_behind, sessions, reason FROM tickers ORDER BY sessions_behind DESC, ticker;
