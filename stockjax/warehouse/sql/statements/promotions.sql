SELECT model_id, role, ticker, displaced, since FROM promotions ORDER BY role, ticker;
