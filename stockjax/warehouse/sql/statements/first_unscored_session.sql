-- The first target that has closed and has no metrics yet; NULL if all is done.
SELECT min(scored.target)
FROM scored_forecasts AS scored
ANTI JOIN rolling_metrics AS known
    ON known.ticker = scored.ticker AND known.model = scored.model
    AND known.origin = scored.origin AND known.session = scored.target;
