"""A run that meets another run, readers and a server that goes away, all while it is at work."""

import json
import signal
import time
from pathlib import Path

from stockjax.warehouse import Warehouse
from stockjax.warehouse.query import query
from tests.support.prepared import Run
from tests.support.served import SAMPLE, STOCKJAX, Server, rows, until

MESSAGE = "5 of 5 tickers forecast for 2013-03-04"
ANOTHER = "another run of forecast is at work on"


def test_a_second_run_waits_readers_are_answered_and_both_outlive_a_restart_of_the_server(
    ready: Server, tmp_path: Path
) -> None:
    server, environment = ready, ready.environment(STOCKJAX_RUN__IF_RUNNING="wait")
    folder = tmp_path / "warehouse"
    here = {"STOCKJAX_WAREHOUSE": str(folder)}
    first = Run(folder, environment, tmp_path / "first.log")
    until((folder / ".forecast.lock").exists, "a run at work", pause=0.01)
    until((folder / "snapshot.duckdb").exists, "a copy for readers", pause=0.01)
    # Held in the middle of its work, however long the other takes to load its libraries.
    first.signal(signal.SIGSTOP)
    waiting = Run(folder, environment, tmp_path / "waiting.log")
    answered = server.run(STOCKJAX, "sql", "SELECT status FROM runs", "--format", "json", **here)
    assert answered.returncode == 0, answered.stderr
    assert json.loads(answered.stdout) in ([], [{"status": "running"}])
    waiting.wait_to_say(f"{ANOTHER} '{folder}'; waiting for its end")
    first.signal(signal.SIGCONT)
    took = [asked(folder)]
    while "20 forecasts written" not in first.said:
        took.append(asked(folder))
    server.stop()
    server.start()
    while waiting.process.exitcode is None:
        took.append(asked(folder))
    for process in (first, waiting):
        assert process.wait() == 0, process.said
        assert MESSAGE in process.said
    assert "every forecast of this session is in the ledger already" in waiting.said
    assert {ticker for (ticker,) in rows(folder, "SELECT ticker FROM latest_forecasts")} == set(SAMPLE)
    recorded = rows(folder, "SELECT status, flow_run_id FROM runs ORDER BY started_at")
    assert [status for status, _ in recorded] == ["completed", "completed"]
    for _, run_id in recorded:
        assert server.get(f"flow_runs/{run_id}")["state_type"] == "COMPLETED"
        assert {each["key"] for each in server.of_run("artifacts", run_id)} >= {"night", "forecasts"}
    # Two cores are busy with a run; the slowest answers are those that met its work.
    assert len(took) > 20
    assert sorted(took)[len(took) // 2] < 0.5
    assert max(took) < 5


def asked(folder: Path) -> float:
    """Seconds that a reader waited for an answer."""
    begun = time.monotonic()
    answer = query(Warehouse(folder), "SELECT count(*) AS n FROM runs")
    took = time.monotonic() - begun
    assert answer["n"].tolist() in ([0], [1], [2])
    time.sleep(0.05)
    return took
