-- No forecast from before this day has its outcome after $after and up to $until: a target is at most 60 days
-- after the session that it is forecast from, and what found its outcome later than that is in late_outcomes.
SELECT least($after::DATE, min(target)) - 60 FROM late_outcomes WHERE session > $after AND session <= $until;
