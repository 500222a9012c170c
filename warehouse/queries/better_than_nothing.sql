-- Which models beat doing nothing over the last 63 sessions, and how sure is that?
SELECT
    model, origin, sessions, n, rmse_skill, mae_skill, rmse_verdict,
    pinball_skill, pinball_skill_low, pinball_skill_high, pinball_verdict
FROM leaderboard
WHERE window_sessions = coalesce(getvariable('window')::INTEGER, 63)
ORDER BY origin, pinball_skill DESC;
