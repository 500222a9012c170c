"""A server that is Yahoo, and yfinance as in a new process."""

from collections.abc import Iterator

import pytest
from yfinance.data import SingletonMeta

from stockjax.sources.yahoo import source
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_prices import FIRST, LAST
from tests.support.yahoo_server import YahooServer


@pytest.fixture(autouse=True)
def _nothing_is_left_of_the_test_before(monkeypatch: pytest.MonkeyPatch) -> None:
    # yfinance keeps its cookie for as long as the process lives.
    monkeypatch.setattr(SingletonMeta, "_instances", {})


@pytest.fixture(autouse=True)
def _retries_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_FIRST_WAIT", 0.01)


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    """A vendor who knows AAA, BBB, CCC and DDD."""
    listings = {
        ticker: made_up_listing(seed, FIRST, LAST) for seed, ticker in enumerate(("AAA", "BBB", "CCC", "DDD"))
    }
    with YahooServer(listings) as server:
        yield server
