INSERT INTO forecast_inputs BY NAME
SELECT given.*
FROM (
    SELECT $run_id AS run_id, $replayed AS replayed, $as_of AS as_of, $read_at AS read_at,
        $tickers::VARCHAR[] AS tickers, $exchanges::VARCHAR[] AS exchanges, $fingerprints::VARCHAR[] AS fingerprints,
        $forecast_sessions::INTEGER AS forecast_sessions
) AS given
ANTI JOIN forecast_inputs USING (run_id, replayed, as_of);
