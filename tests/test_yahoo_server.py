import time as clock
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import yfinance
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import ConnectionError as ConnectionFailed
from curl_cffi.requests.exceptions import HTTPError
from yfinance import base, cache
from yfinance.data import SingletonMeta, YfData
from yfinance.exceptions import YFPricesMissingError, YFTzMissingError

from stockjax.sources.yahoo.chart_api import use_no_caches
from tests.support.yahoo_faults import as_usual, forever, hang, reset, status
from tests.support.yahoo_payload import PRICES, Listing, made_up_listing
from tests.support.yahoo_server import CHART, YahooServer

# yfinance 1.7 has not met pandas 3.1 yet.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:pandas.errors.Pandas4Warning")

FIRST, LAST = date(2020, 7, 1), date(2020, 12, 31)
SPLIT_DAY = date(2020, 8, 31)
DIVIDEND_DAY = date(2020, 11, 6)


class LedHere(Session[Response]):
    """A session of the kind that yfinance wants, whose every request ends at the server."""

    def __init__(self, base_url: str) -> None:
        super().__init__(impersonate="chrome")
        self._server = base_url

    def request(self, method: Any, url: str, *args: Any, **settings: Any) -> Response:
        asked = urlsplit(url)
        path = asked.path or "/"
        whole = f"{self._server}{path}?{asked.query}" if asked.query else f"{self._server}{path}"
        return super().request(method, whole, *args, **settings)


PricePanel = Callable[..., pd.DataFrame]


@pytest.fixture
def history(yahoo: YahooServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[PricePanel]:
    """What the real yfinance makes of the server, each call as in a process of its own."""
    monkeypatch.setattr(SingletonMeta, "_instances", {})
    monkeypatch.setattr(base, "_tz_info_fetch_ctr", 0)
    monkeypatch.setattr(cache._TzCacheManager, "_tz_cache", None)
    monkeypatch.setattr(cache._CookieCacheManager, "_Cookie_cache", None)
    monkeypatch.setattr(cache._ISINCacheManager, "_isin_cache", None)
    use_no_caches()
    hides = yfinance.config.debug.hide_exceptions
    yfinance.config.debug.hide_exceptions = False

    with LedHere(yahoo.base_url) as session:

        def fetch(ticker: str, start: date = FIRST, end: date = date(2021, 1, 1)) -> pd.DataFrame:
            # yfinance keeps answers about the past for as long as the process lives.
            YfData.cache_get.cache_clear()
            asked = yfinance.Ticker(ticker, session=session)
            found = asked.history(start=start, end=end, auto_adjust=False, actions=True, timeout=5)
            assert isinstance(found, pd.DataFrame)
            return found

        yield fetch
    YfData.cache_get.cache_clear()
    yfinance.config.debug.hide_exceptions = hides
    for manager in (cache._TzDBManager, cache._CookieDBManager, cache._ISINDBManager):
        manager.close_db()


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    with YahooServer({"AAPL": made_up_listing(1, FIRST, LAST)}) as server:
        yield server


@pytest.fixture
def ask(yahoo: YahooServer) -> Iterator[Callable[..., Response]]:
    """A chart request without yfinance."""
    with Session[Response]() as session:

        def get(ticker: str = "AAPL", timeout: float = 5, **query: Any) -> Response:
            asked = {"range": "max", "interval": "1d", "events": "div,splits", **query}
            return session.get(f"{yahoo.base_url}{CHART}{ticker}", params=asked, timeout=timeout)

        yield get


def seconds(day: date, hour: int = 0, zone: str = "America/New_York") -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).timestamp())


def result(response: Response) -> dict[str, Any]:
    assert response.status_code == 200
    found: dict[str, Any] = response.json()["chart"]["result"][0]
    return found


def assert_history_is(frame: pd.DataFrame, listing: Listing, shown: slice = slice(None)) -> None:
    """The history holds the listing's own numbers on its own sessions."""
    expected = listing.prices.iloc[shown]
    index = pd.DatetimeIndex(frame.index)
    assert str(index.tz) == listing.time_zone
    assert (index == index.normalize()).all()
    assert list(index.date) == list(expected["session"].dt.date)
    for name in PRICES:
        np.testing.assert_array_equal(frame[name.capitalize()], expected[name])
    np.testing.assert_array_equal(frame["Volume"], expected["volume"])


@pytest.mark.parametrize("code", ["XNYS", "XTKS", "XLON", "24/7"])
def test_yfinance_reads_what_the_listing_says(yahoo: YahooServer, history: PricePanel, code: str) -> None:
    listing = yahoo.listings["ANY"] = made_up_listing(7, FIRST, LAST, code)
    found = history("ANY")
    assert len(found) > 120
    assert_history_is(found, listing)
    np.testing.assert_array_equal(found["Adj Close"], listing.prices["close"])
    assert (found["Dividends"] == 0).all()
    assert (found["Stock Splits"] == 0).all()


def test_a_split_rewrites_all_that_came_before_it(yahoo: YahooServer, history: PricePanel) -> None:
    listing = yahoo.listings["AAPL"]
    listing.splits[SPLIT_DAY] = 2.0
    traded = listing.prices

    yahoo.set_today(date(2020, 8, 28))
    before = history("AAPL")
    assert_history_is(before, listing, slice(len(before)))
    assert before.index[-1].date() == date(2020, 8, 28)
    assert (before["Stock Splits"] == 0).all()

    yahoo.set_today(LAST)
    after = history("AAPL")
    early = (traded["session"].dt.date < SPLIT_DAY).to_numpy()
    assert 0 < early.sum() < len(traded)
    for name in PRICES:
        expected = np.where(early, traded[name] / 2, traded[name])
        np.testing.assert_array_equal(after[name.capitalize()], expected)
    np.testing.assert_array_equal(after["Adj Close"], after["Close"])
    np.testing.assert_array_equal(after["Volume"], np.where(early, 2 * traded["volume"], traded["volume"]))
    splits = after["Stock Splits"]
    assert [day.date() for day in splits.index[splits != 0]] == [SPLIT_DAY]
    assert splits.max() == 2.0


def test_a_dividend_rewrites_the_adjusted_close_only(yahoo: YahooServer, history: PricePanel) -> None:
    listing = yahoo.listings["AAPL"]
    listing.dividends[DIVIDEND_DAY] = 0.75
    found = history("AAPL")
    assert_history_is(found, listing)
    days = listing.prices["session"].dt.date
    early = (days < DIVIDEND_DAY).to_numpy()
    close = listing.prices["close"].to_numpy()
    factor = 1 - 0.75 / close[early][-1]
    np.testing.assert_allclose(found["Adj Close"], np.where(early, close * factor, close), rtol=1e-14)
    assert found["Dividends"].to_dict() == {
        stamp: 0.75 if stamp.date() == DIVIDEND_DAY else 0.0 for stamp in found.index
    }
    yahoo.set_today(date(2020, 11, 5))
    unaware = history("AAPL")
    np.testing.assert_array_equal(unaware["Adj Close"], unaware["Close"])


@pytest.mark.parametrize(
    ("day", "in_newest_shares"), [(date(2020, 8, 7), 0.2), (SPLIT_DAY, 0.8), (DIVIDEND_DAY, 0.8)]
)
def test_dividends_are_reported_in_the_newest_shares(
    yahoo: YahooServer, history: PricePanel, day: date, in_newest_shares: float
) -> None:
    listing = yahoo.listings["AAPL"]
    listing.splits[SPLIT_DAY] = 4.0
    listing.dividends[day] = 0.8
    found = history("AAPL")
    assert found["Dividends"].max() == in_newest_shares
    early = pd.DatetimeIndex(found.index).date < day
    last_before = found["Close"][early].iloc[-1]
    ratio = (found["Adj Close"] / found["Close"]).to_numpy()
    np.testing.assert_allclose(ratio, np.where(early, 1 - in_newest_shares / last_before, 1), rtol=1e-14)


def test_only_the_bars_and_events_of_the_period_are_reported(
    yahoo: YahooServer, history: PricePanel, ask: Callable[..., Response]
) -> None:
    listing = yahoo.listings["AAPL"]
    listing.splits[SPLIT_DAY] = 2.0
    listing.dividends[DIVIDEND_DAY] = 0.5
    found = history("AAPL", date(2020, 10, 1), date(2020, 11, 1))
    assert found.index[0].date() == date(2020, 10, 1)
    assert found.index[-1].date() == date(2020, 10, 30)
    assert len(found) == 22

    first = seconds(SPLIT_DAY, 9) + 1800
    last = seconds(DIVIDEND_DAY, 9) + 1800
    inside = result(ask(period1=first, period2=last))
    assert inside["timestamp"][0] == first
    assert inside["timestamp"][-1] < last
    assert set(inside["events"]) == {"splits"}
    outside = result(ask(period1=first + 1, period2=last + 1))
    assert outside["timestamp"][0] > first
    assert outside["timestamp"][-1] == last
    assert set(outside["events"]) == {"dividends"}
    assert "events" not in result(ask(events=""))
    assert "events" not in result(ask(period1=first + 1, period2=last))


def test_unknown_tickers_and_those_not_listed_yet_are_not_found(
    yahoo: YahooServer, history: PricePanel, ask: Callable[..., Response]
) -> None:
    yahoo.set_today(date(2020, 6, 30))
    for ticker in ("AAPL", "GONE"):
        response = ask(ticker)
        assert response.status_code == 404
        assert response.json()["chart"] == {
            "result": None,
            "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
        }
    yahoo.set_today(FIRST)
    assert len(result(ask("AAPL"))["timestamp"]) == 1
    # yfinance looks at another page for the time zone of the first two unknown tickers, and there only.
    for error in (HTTPError, HTTPError, YFTzMissingError):
        with pytest.raises(error):
            history("GONE")
    assert "/v10/finance/quoteSummary/GONE" in {seen.path for seen in yahoo.requests}


def test_a_period_without_bars_has_a_meta_and_nothing_else(
    yahoo: YahooServer, history: PricePanel, ask: Callable[..., Response]
) -> None:
    weekend = {"period1": seconds(date(2020, 10, 3)), "period2": seconds(date(2020, 10, 5))}
    found = result(ask(**weekend))
    assert "timestamp" not in found
    assert found["indicators"] == {"quote": [{}], "adjclose": [{}]}
    assert found["meta"]["symbol"] == "AAPL"
    with pytest.raises(YFPricesMissingError):
        history("AAPL", date(2020, 10, 3), date(2020, 10, 5))
    yahoo.listings["EMPTY"] = Listing(yahoo.listings["AAPL"].prices.iloc[:0])
    assert "timestamp" not in result(ask("EMPTY"))


def test_an_unfinished_bar_is_shown_until_its_session_is_known(
    yahoo: YahooServer, history: PricePanel
) -> None:
    listing = yahoo.listings["AAPL"]
    bar = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.5, "volume": 345}
    listing.unfinished = {"session": SPLIT_DAY, **bar}
    listing.splits[SPLIT_DAY] = 2.0
    yahoo.set_today(date(2020, 8, 28))
    found = history("AAPL")
    assert found.index[-1].date() == SPLIT_DAY
    live = found.iloc[-1]
    assert live[["Open", "High", "Low", "Close", "Adj Close"]].tolist() == [10.0, 12.0, 9.0, 11.5, 11.5]
    assert live[["Volume", "Stock Splits"]].tolist() == [345.0, 2.0]
    # On its first morning the split is known already.
    assert found["Close"].iloc[-2] == listing.prices["close"][len(found) - 2] / 2
    assert len(history("AAPL", end=SPLIT_DAY)) == len(found) - 1

    yahoo.set_today(SPLIT_DAY)
    finished = history("AAPL")
    assert len(finished) == len(found)
    assert finished["Close"].iloc[-1] == listing.prices["close"][len(found) - 1]


def test_faults_come_one_a_request_in_their_order(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    yahoo.listings["OTHER"] = made_up_listing(2, FIRST, LAST)
    yahoo.faults("AAPL", status(500), as_usual(), forever(status(503)))
    assert ask("OTHER").status_code == 200
    assert [ask().status_code for _ in range(5)] == [500, 200, 503, 503, 503]
    assert ask("OTHER").status_code == 200
    yahoo.faults("AAPL", status(429))
    assert [ask().status_code for _ in range(2)] == [429, 200]
    yahoo.faults("AAPL", forever(status(500)))
    yahoo.faults("AAPL")
    assert ask().status_code == 200
    with pytest.raises(ValueError, match="only the last"):
        yahoo.faults("AAPL", forever(status(500)), status(503))


def test_mistakes_in_a_listing_are_no_faults_of_the_vendor() -> None:
    with (
        pytest.raises(ValueError, match="the sessions of AAPL do not ascend"),
        YahooServer({"AAPL": made_up_listing(1, FIRST, LAST)}) as server,
        Session[Response]() as session,
    ):
        server.listings["AAPL"].prices = server.listings["AAPL"].prices.iloc[::-1]
        assert session.get(f"{server.base_url}{CHART}AAPL", timeout=5).status_code == 500


def test_a_reset_is_seen_as_one_and_the_next_answer_is_right(
    yahoo: YahooServer, ask: Callable[..., Response]
) -> None:
    yahoo.faults("AAPL", reset())
    with pytest.raises(ConnectionFailed, match="reset by peer"):
        ask()
    assert yahoo.chart_requests() == 1
    assert result(ask())["timestamp"]


def test_closing_waits_for_no_answer() -> None:
    with ThreadPoolExecutor(1) as pool:
        with YahooServer({"AAPL": made_up_listing(1, FIRST, LAST)}) as server:
            server.faults("AAPL", hang(60))

            def stuck() -> None:
                with Session[Response]() as session:
                    session.get(f"{server.base_url}{CHART}AAPL", timeout=60)

            waiting = pool.submit(stuck)
            while server.chart_requests() == 0:
                clock.sleep(0.01)
        with pytest.raises(ConnectionFailed):
            waiting.result(timeout=30)
