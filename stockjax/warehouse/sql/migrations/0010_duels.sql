-- Which forecasts another model had to make, and what a duel of models is about.

ALTER TABLE forecasts ADD COLUMN fallback VARCHAR;
DROP VIEW IF EXISTS latest_forecasts;
ALTER TABLE newest_forecasts ADD COLUMN fallback VARCHAR;
