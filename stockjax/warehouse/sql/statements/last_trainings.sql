-- The last session of any training of a night, by ticker; NULL is the base. Accepted or rejected: both answer an
-- alarm. The base that a search has found has other settings, and is no answer.
SELECT ticker, max(trained_through) AS trained_through
FROM models
WHERE NOT coalesce(replayed, false)
    AND json_extract(hyperparameters, '$.search') IS NULL
    AND trained_through BETWEEN $first AND $as_of
    AND (role = 'base' OR ticker IN (SELECT unnest($tickers)))
GROUP BY role, ticker;
