SELECT * FROM leaderboard ORDER BY origin, window_sessions, pinball;
