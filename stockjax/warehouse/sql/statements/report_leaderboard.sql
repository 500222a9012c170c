FROM leaderboard_on($as_of);
