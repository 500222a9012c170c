"""A worker that dies together with its run; only by `make soak`: the server takes 90 s to miss them."""

import os
import signal
import time
from pathlib import Path

from tests.e2e.unattended.conftest import ALERTS, make_block
from tests.support.served import MODELS, PYTHON, SAMPLE, Receiver, Server, process_of, rows, until

WITHIN = 180.0
"""Seconds from the death of both to the next run at work."""


def test_the_next_night_comes_though_worker_and_run_have_died(tmp_path: Path) -> None:
    served = Server(tmp_path)
    with Receiver() as receiver:
        try:
            _let_both_die(served, receiver)
        finally:
            served.end_everything()


def _let_both_die(served: Server, receiver: Receiver) -> None:
    served.start()
    make_block(served, receiver)
    first = served.begin("first-worker", PYTHON, "-m", "flows.worker", **ALERTS)
    first.wait_to_say("started!")
    died = served.begin_run("daily")
    ours = f"SELECT status FROM runs WHERE flow_run_id = '{died}'"
    until(lambda: rows(served.warehouse, ours) == [("running",)], "a run at work")
    run = process_of(died)
    first.kill()
    os.kill(run, signal.SIGKILL)
    moment = time.monotonic()
    # As systemd starts it again.
    second = served.begin("second-worker", PYTHON, "-m", "flows.worker", **ALERTS)
    second.wait_to_say("started!")
    assert served.ended(died) is None, "the server does not know yet"
    # Until the dead run has lost its place, those that come are cancelled.
    until(lambda: served.ended(died), "the server to miss the dead run")
    following = served.begin_run("daily")
    until(lambda: following in [each["id"] for each in served.at_work()], "the next run at work")
    took = time.monotonic() - moment
    end = until(lambda: served.ended(following), "the end of the next run")
    assert end["state_type"] == "COMPLETED", end["state"]["message"]
    crashed = served.ended(died)
    assert crashed is not None
    assert (crashed["state_type"], crashed["state"]["message"]) == (
        "CRASHED",
        "no heartbeat for 90 s: its process is gone",
    )
    assert took < WITHIN
    print(f"the next run was at work {took:.0f} s after both had died")
    found = rows(served.warehouse, "SELECT ticker, model FROM latest_forecasts ORDER BY ALL")
    assert found == [(ticker, model) for ticker in SAMPLE for model in MODELS]
    states = rows(served.warehouse, "SELECT status FROM runs ORDER BY started_at")
    assert states == [("crashed",), ("completed",)]
    assert len(served.post("automations/filter")) == 1
    (message,) = receiver.about(died)
    assert message["subject"] == "stockjax: forecast Crashed"
    assert "forecast 2013-03-01 · 5 tickers: no heartbeat for 90 s" in message["body"]
    assert "prefect deployment run forecast/daily" in message["body"]
