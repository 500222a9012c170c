-- Rows that are new or others than before, those that are gone among them.
INSERT INTO unscored
SELECT ticker, min(session)
FROM (
    SELECT ticker, session FROM replaced
    UNION ALL
    SELECT ticker, session::DATE FROM incoming ANTI JOIN stored USING (ticker, session)
)
GROUP BY ticker;
