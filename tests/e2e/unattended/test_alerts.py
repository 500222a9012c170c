"""Nights of which somebody is told.

That a quiet night tells nobody, and that a run does whose process dies, stands in `test_deployment.py`;
what becomes of an alert that cannot be sent, in `tests/flows/test_forecast.py`.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from stockjax.sessions import exchange
from tests.e2e.served import STOCKJAX, Receiver, Server, rows
from tests.e2e.unattended.conftest import ALERTS
from tests.yahoo_server import YahooServer, forever, made_up_listing, status

WHAT_TO_DO = ("what is done is not done twice", "stockjax run", "stockjax status")


@dataclass(frozen=True)
class Told:
    """A night, and what arrived of it."""

    code: int
    run_id: str
    state: str
    messages: list[dict[str, str]]


def last() -> date:
    """The session that a night of now is about."""
    return exchange("XNYS").last_completed_session(datetime.now(UTC))


@pytest.fixture(scope="module")
def broken_vendor() -> Iterator[YahooServer]:
    """A vendor that answers 500 to everything but one ticker."""
    with YahooServer() as vendor:
        for number, ticker in enumerate(("AAA", "BBB")):
            vendor.listings[ticker] = made_up_listing(number, last() - timedelta(days=500), last())
        vendor.faults("BBB", forever(status(500)))
        yield vendor


@pytest.fixture(scope="module")
def nights(
    server: Server, receiver: Receiver, broken_vendor: YahooServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Told]]]:
    """Both nights of this file, at once: most of each is waiting for libraries to load."""
    folder = tmp_path_factory.mktemp("nights")
    yahoo = {
        "STOCKJAX_SOURCE": "yahoo",
        "STOCKJAX_YAHOO__BASE_URL": broken_vendor.base_url,
        "STOCKJAX_YAHOO__REQUESTS_PER_SECOND": "0",
        "STOCKJAX_YAHOO__RETRIES": "0",
        "STOCKJAX_REPLAY__SESSIONS": "0",
    }

    def night(name: str, *tickers: str) -> Told:
        place = folder / name
        done = server.run(STOCKJAX, "run", *tickers, STOCKJAX_WAREHOUSE=str(place), **yahoo, **ALERTS)
        ((run_id,),) = rows(place, "SELECT flow_run_id FROM runs")
        state = server.get(f"flow_runs/{run_id}")["state_type"]
        return Told(done.returncode, run_id, state, receiver.about(run_id))

    with ThreadPoolExecutor(2) as pool:
        yield {
            "failed": pool.submit(night, "failed", "BBB"),
            "partly": pool.submit(night, "partly", "AAA", "BBB"),
        }


def test_a_failed_night_tells_what_failed_why_and_what_to_do(
    server: Server, nights: dict[str, Future[Told]]
) -> None:
    night = nights["failed"].result()
    assert (night.code, night.state) == (1, "FAILED")
    (message,) = night.messages
    assert message["subject"] == "stockjax: forecast Failed"
    body = message["body"]
    assert body.startswith(f"forecast {last()} · 1 tickers: 0 of 1 tickers forecast")
    assert "Yahoo gave no prices of 'BBB': the vendor answered HTTP 500; run again later" in body
    assert all(words in body for words in WHAT_TO_DO)
    assert body.endswith(f"{server.url}/runs/flow-run/{night.run_id}")


def test_a_night_that_missed_a_ticker_is_completed_and_tells_of_it(
    server: Server, nights: dict[str, Future[Told]]
) -> None:
    night = nights["partly"].result()
    assert (night.code, night.state) == (0, "COMPLETED")
    (message,) = night.messages
    assert message["subject"] == f"stockjax: the night of {last()}"
    body = message["body"]
    assert "1 of 2 tickers forecast" in body
    assert "BBB: failed, Yahoo gave no prices of 'BBB': the vendor answered HTTP 500" in body
    assert "AAA:" not in body
    assert all(words in body for words in WHAT_TO_DO)
    assert body.endswith(f"{server.url}/runs/flow-run/{night.run_id}")
