-- Other windows than the last time: everything is scored anew.
INSERT INTO unscored SELECT ticker, min(session) FROM prices GROUP BY ticker;
