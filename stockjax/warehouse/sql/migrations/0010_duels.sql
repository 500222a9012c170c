-- Which forecasts a fallback made.

ALTER TABLE forecasts ADD COLUMN fallback VARCHAR;
DROP VIEW IF EXISTS latest_forecasts;
ALTER TABLE newest_forecasts ADD COLUMN fallback VARCHAR;
