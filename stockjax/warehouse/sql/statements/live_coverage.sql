-- How often the network's 90% intervals held lately, on forecasts that nights have written.
SELECT sessions, coverage_90
FROM leaderboard
WHERE model = 'lstm' AND origin = 'nightly' AND window_sessions = 63 AND sessions >= $fewest;
