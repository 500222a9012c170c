-- What did the latest runs do?
SELECT flow, as_of, status, started_at, finished_at - started_at AS took, counts FROM runs ORDER BY started_at DESC LIMIT 20;
