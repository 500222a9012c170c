-- Tickers whose scores have changed, since when, and how many sessions that is. A ticker has gaps
-- where the longest window reaches further back than $days before its newest session.
CREATE OR REPLACE TEMP TABLE due AS
WITH marked AS (
    SELECT ticker, min(first_session) AS first_session FROM unscored GROUP BY ticker
),
ends AS (
    SELECT ticker, max(session) AS newest FROM prices SEMI JOIN marked USING (ticker) GROUP BY ticker
)
SELECT
    marked.ticker,
    any_value(marked.first_session) AS first_session,
    any_value(ends.newest) AS newest,
    count(*) FILTER (WHERE prices.session >= marked.first_session) AS sessions,
    count(prices.session) > $longest
        AND count(*) FILTER (WHERE prices.session > ends.newest - $days::INTEGER) < $longest AS has_gaps
FROM marked
LEFT JOIN ends USING (ticker)
LEFT JOIN prices ON prices.ticker = marked.ticker
GROUP BY marked.ticker;
