DELETE FROM tickers USING states WHERE tickers.ticker = states.ticker;
