"""Runs that meet another run, readers who look while a run writes, and a server that goes away meanwhile."""

import json
import signal
import time
from pathlib import Path

import pytest

from stockjax.warehouse import Warehouse
from stockjax.warehouse.query import query
from tests.e2e.served import SAMPLE, STOCKJAX, Server, rows, until

MESSAGE = "5 of 5 tickers forecast for 2013-03-04"
ANOTHER = "another run of forecast is at work on"


def test_a_second_run_is_cancelled_or_waits_and_readers_are_answered(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    here = {"STOCKJAX_WAREHOUSE": str(folder)}
    first = server.begin("first", STOCKJAX, "run", **here)
    waiting = None
    took: list[float] = []

    def ask() -> None:
        begun = time.monotonic()
        answer = query(Warehouse(folder), "SELECT count(*) AS n FROM runs")
        took.append(time.monotonic() - begun)
        assert answer["n"].tolist() in ([0], [1], [2])

    try:
        until((folder / ".forecast.lock").exists, "a run at work", pause=0.01)
        until((folder / "snapshot.duckdb").exists, "a copy for readers", pause=0.01)
        # Held in the middle of its work, however long the others take to load their libraries.
        first.signal(signal.SIGSTOP)
        waiting = server.begin("waiting", STOCKJAX, "run", STOCKJAX_RUN__WHEN_BUSY="wait", **here)
        begun = time.monotonic()
        second = server.run(STOCKJAX, "run", **here)
        assert time.monotonic() - begun < 60
        assert second.returncode == 1
        assert f"stockjax: {ANOTHER} '{folder}', and this one is cancelled; " in second.stderr
        assert "Forecast close" not in second.stdout
        answered = server.run(STOCKJAX, "sql", "SELECT status FROM runs", "--format", "json", **here)
        assert answered.returncode == 0, answered.stderr
        assert json.loads(answered.stdout) in ([], [{"status": "running"}])
        waiting.wait_to_say(f"{ANOTHER} '{folder}'; waiting for its end")
        first.signal(signal.SIGCONT)
        while waiting.process.poll() is None:
            ask()
            time.sleep(0.02)
        assert first.wait() == 0, first.said
        assert waiting.wait() == 0, waiting.said
    finally:
        first.kill()
        if waiting:
            waiting.kill()
    assert MESSAGE in first.said
    assert MESSAGE in waiting.said
    assert "every forecast of this session is in the ledger already" in waiting.said
    assert rows(folder, "SELECT status FROM runs") == [("completed",), ("completed",)]
    # Two cores are busy with a run; the slowest answers are those that met its work.
    assert len(took) > 20
    assert sorted(took)[len(took) // 2] < 0.5
    assert max(took) < 5


@pytest.mark.parametrize("at", ["20 forecasts written"])
def test_a_run_outlives_a_restart_of_the_server(server: Server, tmp_path: Path, at: str) -> None:
    folder = tmp_path / "warehouse"
    process = server.begin("outlives", STOCKJAX, "run", STOCKJAX_WAREHOUSE=str(folder))
    try:
        process.wait_to_say(at)
        server.stop()
        server.start()
        assert process.wait() == 0, process.said
    finally:
        process.kill()
    assert MESSAGE in process.said
    assert {ticker for (ticker,) in rows(folder, "SELECT ticker FROM latest_forecasts")} == set(SAMPLE)
    ((status, run_id),) = rows(folder, "SELECT status, flow_run_id FROM runs")
    assert status == "completed"
    assert server.get(f"flow_runs/{run_id}")["state_type"] == "COMPLETED"
    assert {each["key"] for each in server.of_run("artifacts", run_id)} >= {"night", "forecasts"}
