INSERT INTO window_sums BY NAME
SELECT sums.*
FROM sums
JOIN due ON due.ticker = sums.ticker AND due.newest = sums.session
ORDER BY sums.ticker, model, origin, window_sessions;
