FROM leaderboard_on($as_of) ORDER BY origin, window_sessions, pinball;
