-- The session of the last alarm of coverage or scale, by ticker; NULL is the universe.
SELECT ticker, max(as_of) AS raised
FROM drift
WHERE alarm AND monitor IN ('coverage', 'scale') AND as_of BETWEEN $first AND $as_of
GROUP BY ticker;
