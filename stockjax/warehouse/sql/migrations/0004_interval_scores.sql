-- Scores of the whole interval next to the pinball loss, forecast by forecast and rolling.

-- NULL in rows that an earlier release has written.
ALTER TABLE rolling_metrics ADD COLUMN crps DOUBLE;
ALTER TABLE rolling_metrics ADD COLUMN winkler_90 DOUBLE;
ALTER TABLE rolling_metrics ADD COLUMN width_90 DOUBLE;
