SELECT drawn_day(draw, turns.range, $days) AS day
FROM bootstrap_draws(), range($days) AS turns
ORDER BY draw, turns.range;
