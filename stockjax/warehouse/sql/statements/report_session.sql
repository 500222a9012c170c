-- The newest session that a night has forecast from, or $as_of if one has; whether it is the newest.
SELECT as_of, as_of = (SELECT max(as_of) FROM newest_forecasts) AS newest
FROM forecasts
WHERE origin IN ('nightly', 'catchup') AND as_of = coalesce($as_of::DATE, (SELECT max(as_of) FROM newest_forecasts))
LIMIT 1;
