-- The newest closes as they were known at a moment (a week ago, if none is given), where others are known now.
SELECT now_known.ticker, now_known.session, then_known.close AS close_then, now_known.close AS close_now
FROM prices AS now_known
JOIN prices_as_of(coalesce(getvariable('moment')::TIMESTAMP, (now() AT TIME ZONE 'UTC') - INTERVAL 7 DAY)) AS then_known
    USING (ticker, session)
WHERE then_known.close <> now_known.close
ORDER BY now_known.session DESC, now_known.ticker
LIMIT 20;
