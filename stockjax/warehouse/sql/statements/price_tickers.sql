-- Every ticker that has prices.
SELECT DISTINCT ticker FROM prices ORDER BY ticker;
