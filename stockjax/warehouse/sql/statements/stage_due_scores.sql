-- Tickers whose scores have changed, since when, how many sessions that is, and the session before
-- it. Only prices from $floor on are read: an ordinary night is about the last few. A ticker has
-- gaps where the longest window reaches further back than $days before its newest session.
CREATE OR REPLACE TEMP TABLE due AS
WITH marked AS (
    SELECT ticker, min(first_session) AS first_session FROM unscored GROUP BY ticker
),
earliest AS (
    SELECT ticker, min(session) AS session FROM unit_changes GROUP BY ticker
),
recent AS (
    SELECT ticker, session FROM prices SEMI JOIN marked USING (ticker) WHERE session >= $floor
),
ends AS (
    SELECT ticker, max(session) AS newest FROM recent GROUP BY ticker
),
counted AS (
    SELECT
        marked.ticker, any_value(marked.first_session) AS first_session, any_value(ends.newest) AS newest,
        any_value(earliest.session) AS earliest,
        max(recent.session) FILTER (WHERE recent.session < marked.first_session) AS before,
        count(recent.session) FILTER (WHERE recent.session >= marked.first_session) AS sessions,
        count(recent.session) FILTER (WHERE recent.session > ends.newest - $days::INTEGER) AS near
    FROM marked
    LEFT JOIN ends USING (ticker)
    LEFT JOIN earliest USING (ticker)
    LEFT JOIN recent USING (ticker)
    GROUP BY marked.ticker
)
SELECT
    ticker, first_session, newest, sessions,
    coalesce(before, CASE WHEN earliest < first_session THEN earliest END, first_session) AS start,
    coalesce(earliest <= newest - $days::INTEGER, false) AND near < $longest AS has_gaps
FROM counted;
