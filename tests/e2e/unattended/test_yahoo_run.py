"""A live night as a user runs it, with the real yfinance against a vendor on the loopback."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.live_session import NEW_YORK, LiveSession, live_session
from tests.support.prepared import Run
from tests.support.served import STOCKJAX, Server, rows, until
from tests.support.yahoo_faults import forever, hang
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

TICKERS = [f"S{number:02d}" for number in range(12)]


@pytest.fixture
def live() -> LiveSession:
    return live_session()


@pytest.fixture
def vendor(live: LiveSession) -> Iterator[YahooServer]:
    with YahooServer() as yahoo:
        for number, ticker in enumerate(TICKERS):
            yahoo.listings[ticker] = made_up_listing(number, live.last - timedelta(days=400), live.last)
        yield yahoo


def settings(vendor: YahooServer, folder: Path) -> dict[str, str]:
    return {
        "STOCKJAX_WAREHOUSE": str(folder),
        "STOCKJAX_SOURCE": "yahoo",
        "STOCKJAX_YAHOO__BASE_URL": vendor.base_url,
        "STOCKJAX_YAHOO__REQUESTS_PER_SECOND": "0",
        "STOCKJAX_WARMUP__SESSIONS": "0",
        "STOCKJAX_EVENTS__SOURCES": "",
        "STOCKJAX_CONTEXT__IMPLIED_VOLATILITY": "",
    }


def printed(server: Server, here: dict[str, str], *arguments: str) -> str:
    done = server.run(STOCKJAX, *arguments, **here)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_a_killed_fetch_goes_on_where_it_stopped(
    ready: Server, vendor: YahooServer, tmp_path: Path, live: LiveSession
) -> None:
    here = settings(vendor, tmp_path / "warehouse") | live.settings
    folder, environment = tmp_path / "warehouse", ready.environment(**here)
    vendor.faults(TICKERS[-1], forever(hang(120)))
    patient = {**environment, "STOCKJAX_YAHOO__TIMEOUT": "100"}
    run = Run(folder, patient, tmp_path / "fetching.log", *TICKERS)
    try:
        until(lambda: stored(folder) == len(TICKERS) - 1, "the prices of all but one ticker", pause=0.5)
    finally:
        run.kill()
    assert stored(folder) == len(TICKERS) - 1
    vendor.faults(TICKERS[-1])
    before = vendor.chart_requests()
    again = Run(folder, environment, tmp_path / "again.log", *TICKERS)
    assert again.wait() == 0, again.said
    assert f"12 of 12 tickers forecast for {NEW_YORK.next_session(live.last)}" in again.said
    assert vendor.chart_requests() - before == 1
    assert "Tickers: 12 active" in printed(ready, here, "status")
    doubled = "SELECT count(*) FROM (SELECT 1 FROM prices GROUP BY ticker, session HAVING count(*) > 1)"
    assert rows(folder, doubled) == [(0,)]


def stored(folder: Path) -> int:
    """Tickers that readers can see."""
    ((count,),) = rows(folder, "SELECT count(DISTINCT ticker) FROM prices") or [(0,)]
    return int(count)
