DELETE FROM prices USING replaced WHERE prices.ticker = replaced.ticker AND prices.session = replaced.session;
