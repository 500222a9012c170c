"""A live night as a user runs it, with the real yfinance against a vendor on the loopback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from stockjax.sessions import exchange
from tests.yahoo_server import YahooServer, forever, hang, made_up_listing

STOCKJAX = Path(sys.executable).with_name("stockjax")
NEW_YORK = exchange("XNYS")
TICKERS = [f"S{number:02d}" for number in range(12)]


@pytest.fixture
def last() -> date:
    # A run that begins before the close and ends after it would be about two sessions.
    while NEW_YORK.last_completed_session(datetime.now(UTC) + timedelta(minutes=3)) != (
        completed := NEW_YORK.last_completed_session(datetime.now(UTC))
    ):
        time.sleep(10)
    return completed


@pytest.fixture
def server(last: date) -> Iterator[YahooServer]:
    with YahooServer() as vendor:
        for number, ticker in enumerate(TICKERS):
            vendor.listings[ticker] = made_up_listing(number, last - timedelta(days=400), last)
        yield vendor


def environment(server: YahooServer, folder: Path, **settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API")}
    return {
        **inherited,
        "PREFECT_HOME": str(folder / "prefect"),
        "STOCKJAX_WAREHOUSE": str(folder / "warehouse"),
        "STOCKJAX_SOURCE": "yahoo",
        "STOCKJAX_YAHOO__BASE_URL": server.base_url,
        "STOCKJAX_YAHOO__REQUESTS_PER_SECOND": "0",
        "STOCKJAX_REPLAY__SESSIONS": "0",
        "STOCKJAX_TRAINING__BASE_STEPS": "50",
        "COLUMNS": "120",
        **settings,
    }


def run(server: YahooServer, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [STOCKJAX, *arguments],
        env=environment(server, folder),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_killed_fetch_goes_on_where_it_stopped(server: YahooServer, tmp_path: Path, last: date) -> None:
    slow = forever(hang(120))
    server.faults(TICKERS[-1], slow)
    patient = environment(server, tmp_path, STOCKJAX_YAHOO__TIMEOUT="100")
    with subprocess.Popen(
        [STOCKJAX, "run", *TICKERS],
        env=patient,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        snapshot = tmp_path / "warehouse" / "snapshot.duckdb"
        give_up = time.monotonic() + 90
        while stored(snapshot) < len(TICKERS) - 1 and time.monotonic() < give_up:
            time.sleep(0.5)
        os.killpg(process.pid, signal.SIGKILL)
    assert stored(snapshot) == len(TICKERS) - 1
    server.faults(TICKERS[-1])
    before = server.chart_requests()
    printed = run(server, tmp_path, "run", *TICKERS)
    assert f"12 of 12 tickers forecast for {NEW_YORK.next_session(last)}" in " ".join(printed.split())
    assert server.chart_requests() - before == 1
    assert "Tickers: 12 active" in run(server, tmp_path, "status")
    with duckdb.connect(snapshot, read_only=True) as connection:
        doubled = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM prices GROUP BY ticker, session HAVING count(*) > 1)"
        ).fetchall()
    assert doubled == [(0,)]


def stored(snapshot: Path) -> int:
    """Tickers that readers can see."""
    if not snapshot.exists():
        return 0
    with duckdb.connect(snapshot, read_only=True) as connection:
        ((count,),) = connection.execute("SELECT count(DISTINCT ticker) FROM prices").fetchall()
    return int(count)
