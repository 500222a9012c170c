INSERT INTO unscored SELECT ticker, min(target) FROM added GROUP BY ticker;
