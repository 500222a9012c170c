SELECT DISTINCT source FROM prices;
