-- Runs of a flow that never ended: their process died, for whoever asks holds the flow's lock.
UPDATE runs SET status = 'crashed', finished_at = $moment WHERE status = 'running' AND flow = $flow;
