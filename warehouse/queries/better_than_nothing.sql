-- Which models beat doing nothing over the last 63 sessions, and how sure is that?
SELECT model, origin, n, rmse_skill, mae_skill, pinball_skill, pinball_skill_low, pinball_skill_high
FROM leaderboard
WHERE window_sessions = 63
ORDER BY origin, pinball_skill DESC;
