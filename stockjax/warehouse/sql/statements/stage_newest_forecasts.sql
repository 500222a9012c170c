CREATE OR REPLACE TEMP TABLE newest AS
FROM (
    SELECT * FROM newest_forecasts SEMI JOIN added USING (ticker, model)
    UNION ALL BY NAME
    SELECT * FROM added WHERE origin IN ('nightly', 'catchup')
)
QUALIFY row_number() OVER (PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC) = 1;
