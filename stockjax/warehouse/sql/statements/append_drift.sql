INSERT INTO drift BY NAME
SELECT
    fresh.scope, fresh.ticker, fresh.monitor, fresh.session, $as_of AS as_of, fresh.tickers, fresh.observation,
    fresh.evidence, fresh.threshold, fresh.alarm, fresh.direction, fresh.seen, fresh.step, $run_id AS run_id
FROM fresh
ANTI JOIN drift
    ON drift.monitor = fresh.monitor AND drift.session = fresh.session
    AND drift.ticker IS NOT DISTINCT FROM fresh.ticker
ORDER BY fresh.monitor, fresh.session, fresh.ticker;
