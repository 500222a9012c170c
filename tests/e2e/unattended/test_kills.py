"""Runs that are killed at any moment of their work, and what the next run makes of it.

`make soak` kills more of them (KILLS).
"""

import hashlib
import random
import re
import shutil
import signal
import time
from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.e2e.unattended.conftest import KILLS
from tests.support.prepared import Run
from tests.support.served import MODELS, SAMPLE, Server, rows, until

WITHOUT_NAMES = "SELECT * EXCLUDE (run_id, created_at) FROM forecasts ORDER BY ALL"
LOGGED = re.compile(r"(\d\d:\d\d:\d\d\.\d{3}) \| ")
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Undisturbed:
    """A run that no one killed, and when it logged its lines, in seconds after the first."""

    forecasts: Rows
    logged: list[float]


@dataclass(frozen=True)
class Killed:
    """What was committed when a run was killed, and the warehouse that the next run has left."""

    warehouse: Path
    forecasts: Rows
    states: Rows
    code: int
    printed: str


@pytest.fixture(scope="module")
def undisturbed(ready: Server, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    warehouse = folder / "warehouse"
    run = Run(warehouse, ready.environment(), folder / "run.log")
    assert run.wait() == 0, run.said
    return Undisturbed(rows(warehouse, WITHOUT_NAMES), seconds_of_lines(run.log))


def seconds_of_lines(log: Path) -> list[float]:
    """When the lines of a log were written, in seconds after the first."""
    times = [datetime.strptime(time, "%H:%M:%S.%f") for time in LOGGED.findall(log.read_text("utf-8"))]
    # Modulo a day: a run may last past midnight.
    return [(time - times[0]).total_seconds() % 86_400 for time in times]


@pytest.fixture(scope="module")
def all_killed(
    ready: Server, undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Future[Killed]]]:
    """Two at a time, each on a warehouse of its own."""
    folder = tmp_path_factory.mktemp("killed")
    # Anywhere within the n-th part of the work.
    moments = [(number + random.Random(number).random()) / KILLS for number in range(KILLS)]
    kill = partial(killed_and_run_again, ready, undisturbed.logged)
    with ThreadPoolExecutor(2) as pool:
        yield [pool.submit(kill, folder / str(number), moment) for number, moment in enumerate(moments)]


def killed_and_run_again(server: Server, logged: list[float], folder: Path, moment: float) -> Killed:
    """A run that is killed after this share of its work, and the next one to its end.

    How far it is shows in its log, however fast the machine is by now: it is killed as long after a line as
    the moment lay after that line of the undisturbed run, and no later than it logs the next one.
    """
    folder.mkdir()
    warehouse = folder / "warehouse"
    seconds = moment * logged[-1]
    lines = bisect_right(logged, seconds)
    process = Run(warehouse, server.environment(), folder / "killed.log")

    def has_logged(count: int) -> bool:
        return len(LOGGED.findall(process.said)) >= count or not process.process.is_alive()

    try:
        until(lambda: has_logged(lines), f"{lines} lines in {process.log}", pause=0.005)
        latest = time.monotonic() + seconds - logged[lines - 1]
        until(lambda: has_logged(lines + 1) or time.monotonic() >= latest, "the moment", pause=0.005)
    finally:
        process.kill()
    assert process.wait() in (0, -signal.SIGKILL), process.said
    forecasts = committed(warehouse, folder / "copy", "FROM forecasts")
    states = committed(warehouse, folder / "copy", "SELECT status FROM runs")
    again = Run(warehouse, server.environment(), folder / "again.log")
    return Killed(warehouse, forecasts, states, again.wait(), again.said)


def committed(warehouse: Path, copy: Path, sql: str) -> Rows:
    """What the writer's file holds, seen in a copy: who opens it may repair it."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in warehouse.glob("stockjax.duckdb*"):
        shutil.copy(path, copy)
    if not (copy / "stockjax.duckdb").exists():
        return []
    # Attached, as a run does: a database that is opened alone cannot replay the defaults of its columns.
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{copy / 'stockjax.duckdb'}' AS copied")
        connection.execute("USE copied")
        if not connection.execute("FROM duckdb_tables() WHERE table_name = 'forecasts'").fetchall():
            return []
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("number", range(KILLS))
def test_a_run_that_was_killed_is_completed_by_the_next(
    all_killed: list[Future[Killed]], undisturbed: Undisturbed, number: int
) -> None:
    killed = all_killed[number].result()
    warehouse = killed.warehouse
    assert killed.code == 0, killed.printed
    assert "5 of 5 tickers forecast for 2013-03-04" in killed.printed
    # What was committed is as it was, name and moment included; nothing is there twice.
    now = rows(warehouse, "FROM forecasts")
    assert set(killed.forecasts) <= set(now)
    keys = "SELECT count(*), count(DISTINCT (ticker, as_of, model, origin)) FROM forecasts"
    assert rows(warehouse, keys) == [(len(now), len(now))]
    assert rows(warehouse, "SELECT count(*), count(DISTINCT (ticker, session)) FROM prices") == [
        (12154, 12154)
    ]
    # All of tonight is there, and every bit is that of a run that no one killed.
    tonight = "SELECT ticker, model FROM latest_forecasts WHERE as_of = DATE '2013-03-01' ORDER BY ALL"
    assert rows(warehouse, tonight) == [(ticker, model) for ticker in SAMPLE for model in MODELS]
    assert rows(warehouse, WITHOUT_NAMES) == undisturbed.forecasts
    # Models active have files that are what their rows say.
    active = rows(
        warehouse, "SELECT path, sha256 FROM models WHERE status = 'champion' AND purged_at IS NULL"
    )
    assert len(active) == 5
    for path, sha256 in active:
        assert hashlib.sha256((warehouse / path).read_bytes()).hexdigest() == sha256
    # Who died is reported apart from who has ended.
    before = ["crashed" if state == "running" else state for (state,) in killed.states]
    states = rows(warehouse, "SELECT status FROM runs ORDER BY started_at")
    assert [state for (state,) in states] == [*before, "completed"]
    # Readers see what the writer has written.
    assert sorted(committed(warehouse, warehouse.parent / "copy", "FROM forecasts"), key=repr) == sorted(
        now, key=repr
    )


def test_most_runs_were_killed_at_work(all_killed: list[Future[Killed]]) -> None:
    states = [state for killed in all_killed for (state,) in killed.result().states]
    assert states.count("running") >= KILLS // 2, states
