-- What was forecast from the close of a session, with what was known then, and what came of it?
SELECT f.ticker, f.model, f.origin, f.created_at, f.target, f.basis_close, f.predicted_close, f.q05, f.q95,
    scored.actual_close, scored.inside_90
FROM forecasts AS f
LEFT JOIN scored_forecasts AS scored USING (ticker, as_of, model, origin)
WHERE f.as_of = coalesce(
    getvariable('session')::DATE,
    (SELECT max(as_of) FROM forecasts WHERE target <= (SELECT max(session) FROM prices))
)
ORDER BY f.ticker, f.origin, f.model;
