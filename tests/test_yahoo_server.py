import json
import time as clock
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import yfinance
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import ConnectionError as ConnectionFailed
from curl_cffi.requests.exceptions import HTTPError, Timeout
from yfinance import base, cache
from yfinance.data import SingletonMeta, YfData
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

from stockjax.sources.yahoo.chart_api import use_no_caches
from tests.support.yahoo_server import (
    CHART,
    CRUMB,
    PRICES,
    Fault,
    Listing,
    YahooServer,
    as_usual,
    duplicate_timestamps,
    empty_body,
    forever,
    hang,
    html,
    made_up_listing,
    missing_meta,
    no_result,
    null_closes,
    nulls,
    reset,
    status,
    truncated_json,
    unequal_lengths,
    will_be_right_back,
    wrong_types,
)

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


def test_timestamps_are_openings_in_summer_and_in_winter(
    yahoo: YahooServer, ask: Callable[..., Response]
) -> None:
    yahoo.listings["7203.T"] = made_up_listing(2, FIRST, LAST, "XTKS")
    for ticker, zone, opening in (
        ("AAPL", "America/New_York", time(9, 30)),
        ("7203.T", "Asia/Tokyo", time(9)),
    ):
        moments = [
            datetime.fromtimestamp(second, ZoneInfo(zone)) for second in result(ask(ticker))["timestamp"]
        ]
        assert {moment.time() for moment in moments} == {opening}
        assert [moment.date() for moment in moments] == list(yahoo.listings[ticker].prices["session"].dt.date)


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


@pytest.mark.parametrize(
    ("ratio", "numerator", "denominator"), [(1.5, 3, 2), (0.1, 1, 10), (1 / 3, 1, 3), (1.25, 5, 4)]
)
def test_ratios_are_announced_as_fractions(
    yahoo: YahooServer, ask: Callable[..., Response], ratio: float, numerator: int, denominator: int
) -> None:
    listing = yahoo.listings["AAPL"]
    listing.splits[SPLIT_DAY] = ratio
    found = result(ask())
    (event,) = found["events"]["splits"].values()
    assert (event["numerator"], event["denominator"]) == (numerator, denominator)
    assert event["splitRatio"] == f"{numerator}:{denominator}"
    first = found["indicators"]["quote"][0]["close"][0]
    assert first == pytest.approx(listing.prices["close"][0] * denominator / numerator, rel=1e-12)


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


def test_the_meta_describes_the_listing(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    yahoo.listings["7203.T"] = made_up_listing(2, FIRST, LAST, "XTKS")
    meta = result(ask("7203.T", range="1d"))["meta"]
    expected = {
        "currency": "JPY",
        "symbol": "7203.T",
        "exchangeName": "JPX",
        "fullExchangeName": "Tokyo",
        "instrumentType": "EQUITY",
        "firstTradeDate": seconds(FIRST, 9, "Asia/Tokyo"),
        "gmtoffset": 9 * 3600,
        "timezone": "JST",
        "exchangeTimezoneName": "Asia/Tokyo",
        "regularMarketPrice": yahoo.listings["7203.T"].prices["close"].iloc[-1],
        "priceHint": 2,
        "dataGranularity": "1d",
        "range": "1d",
    }
    assert {name: meta[name] for name in expected} == expected
    assert "max" in meta["validRanges"]
    regular = meta["currentTradingPeriod"]["regular"]
    assert regular["start"] == seconds(date(2020, 12, 30), 9, "Asia/Tokyo")
    assert regular["start"] < meta["regularMarketTime"] == regular["end"]


def test_a_range_is_the_newest_bars(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    everything = result(ask())["timestamp"]
    assert len(everything) == len(yahoo.listings["AAPL"].prices)
    assert result(ask(range="1d"))["timestamp"] == everything[-1:]
    assert result(ask(range="5d"))["timestamp"] == everything[-5:]
    assert ask(range="7d").status_code == 422
    assert ask(interval="1wk").status_code == 422


@pytest.mark.parametrize("ticker", ["M&M.NS", "^VIX", "BRK-B", "7203.T", "BTC-USD", "ES=F"])
def test_names_with_signs_in_them_arrive(yahoo: YahooServer, history: PricePanel, ticker: str) -> None:
    listing = yahoo.listings[ticker] = made_up_listing(3, date(2020, 12, 1), LAST)
    assert_history_is(history(ticker), listing)
    assert yahoo.chart_requests(ticker) == yahoo.chart_requests() == 2


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


def test_an_unfinished_bar_carries_the_moment_of_its_newest_trade(
    yahoo: YahooServer, ask: Callable[..., Response]
) -> None:
    bar = {**dict.fromkeys(PRICES, 1.0), "volume": 1}
    yahoo.listings["AAPL"].unfinished = {"session": date(2021, 1, 4), "time": time(11), **bar}
    found = result(ask(range="1d"))
    moment = seconds(date(2021, 1, 4), 11)
    assert found["timestamp"] == [moment]
    assert (found["meta"]["regularMarketTime"], found["meta"]["regularMarketPrice"]) == (moment, 1.0)


def test_prices_can_carry_the_noise_of_short_floats(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    yahoo.listings["AAPL"].dividends[DIVIDEND_DAY] = 0.5
    exact = result(ask())["indicators"]
    yahoo.float32 = True
    noisy = result(ask())["indicators"]
    for kind, name in (("quote", "open"), ("quote", "close"), ("adjclose", "adjclose")):
        values = np.array(exact[kind][0][name])
        np.testing.assert_array_equal(noisy[kind][0][name], values.astype(np.float32).astype(float))
        assert (noisy[kind][0][name] != values).any()
    assert noisy["quote"][0]["volume"] == exact["quote"][0]["volume"]


def test_changes_of_a_listing_show_at_once(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    yahoo.prepare()
    listing = yahoo.listings["AAPL"]
    listing.prices.loc[3, "close"] = 77.5
    listing.prices.loc[4, "volume"] = 12
    quote = result(ask())["indicators"]["quote"][0]
    assert (quote["close"][3], quote["volume"][4]) == (77.5, 12)
    listing.prices = listing.prices.iloc[1:]
    assert result(ask())["indicators"]["quote"][0]["close"][2] == 77.5
    listing.prices = listing.prices.assign(high=np.nan)
    assert set(result(ask())["indicators"]["quote"][0]["high"]) == {None}


def test_the_crumb_and_pages_that_are_not_there(yahoo: YahooServer) -> None:
    with LedHere(yahoo.base_url) as session:
        assert session.get(f"https://query1.finance.yahoo.com{CRUMB}").text == "crumb"
        refused = session.get("https://fc.yahoo.com")
        assert refused.status_code == 404
        assert refused.headers["Set-Cookie"].startswith("A3=")
    assert [seen.path for seen in yahoo.requests] == [CRUMB, "/"]
    assert [seen.ticker for seen in yahoo.requests] == [None, None]


def test_requests_are_remembered_in_order(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    started = clock.monotonic()
    ask("AAPL", range="5d")
    ask("%5EVIX")
    ask("AAPL", period1=-5, period2=10)
    assert [seen.ticker for seen in yahoo.requests] == ["AAPL", "^VIX", "AAPL"]
    assert yahoo.requests[0].path == f"{CHART}AAPL"
    assert yahoo.requests[0].query == {"range": "5d", "interval": "1d", "events": "div,splits"}
    assert yahoo.requests[2].query["period1"] == "-5"
    moments = [started, *(seen.at for seen in yahoo.requests), clock.monotonic()]
    assert moments == sorted(moments)
    assert (yahoo.chart_requests("AAPL"), yahoo.chart_requests("^VIX"), yahoo.chart_requests()) == (2, 1, 3)


def test_a_client_keeps_its_connection(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    yahoo.faults("AAPL", as_usual(), status(404), empty_body())
    assert len({ask().local_port for _ in range(5)}) == 1


def test_many_clients_at_once_each_get_their_own(yahoo: YahooServer) -> None:
    tickers = [f"T{number}" for number in range(40)]
    for number, ticker in enumerate(tickers):
        yahoo.listings[ticker] = made_up_listing(number, FIRST, LAST)

    def first_close(ticker: str) -> float:
        with Session[Response]() as session:
            response = session.get(f"{yahoo.base_url}{CHART}{ticker}?range=max", timeout=30)
        close: float = result(response)["indicators"]["quote"][0]["close"][0]
        return close

    with ThreadPoolExecutor(16) as pool:
        closes = list(pool.map(first_close, tickers))
    assert closes == [yahoo.listings[ticker].prices["close"][0] for ticker in tickers]
    assert yahoo.chart_requests() == len(yahoo.requests) == 40


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        (status(401), 401, "Invalid Crumb"),
        (status(404), 404, "symbol may be delisted"),
        (status(429), 429, "Too Many Requests"),
        (status(500), 500, "Internal Server Error"),
        (status(503), 503, "Service Unavailable"),
        (status(999), 999, "error 999"),
        (status(503, "tired"), 503, "tired"),
        (html(), 200, "<html>"),
        (will_be_right_back(), 200, "Will be right back"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_answers_that_are_no_charts(
    yahoo: YahooServer, ask: Callable[..., Response], fault: Fault, code: int, text: str
) -> None:
    yahoo.faults("AAPL", fault)
    response = ask()
    assert response.status_code == code
    assert text in response.text
    assert response.headers["Content-Length"] == str(len(response.content))
    assert result(ask())["timestamp"]


def test_answers_without_anything_in_them(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    whole = ask().content
    yahoo.faults("AAPL", empty_body(), no_result(), truncated_json())
    empty = ask()
    assert (empty.status_code, empty.content) == (200, b"")
    assert ask().json() == {"chart": {"result": [], "error": None}}
    cut = ask()
    assert cut.status_code == 200
    assert cut.content == whole[: len(whole) // 2]
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.content)


def test_charts_with_something_wrong_in_them(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    proper = result(ask())
    bars = len(proper["timestamp"])
    middle = bars // 2
    quote = proper["indicators"]["quote"][0]

    def spoilt(fault: Fault) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        yahoo.faults("AAPL", fault)
        found = result(ask())
        return found, found["indicators"]["quote"][0], found["indicators"]["adjclose"][0]

    _, words, _ = spoilt(wrong_types())
    assert words == {**quote, "close": ["plenty"] * bars}

    _, holed, adjusted = spoilt(nulls())
    for name, values in {**holed, **adjusted}.items():
        expected = {**quote, "adjclose": quote["close"]}[name]
        assert values == [*expected[:middle], None, *expected[middle + 1 :]]

    _, closeless, adjusted = spoilt(null_closes())
    assert closeless == {**quote, "close": [*quote["close"][:middle], None, *quote["close"][middle + 1 :]]}
    assert adjusted["adjclose"] == quote["close"]

    found, short, _ = spoilt(unequal_lengths())
    assert short == {**quote, "close": quote["close"][:-1]}
    assert found["timestamp"] == proper["timestamp"]

    found, twice, adjusted = spoilt(duplicate_timestamps())
    assert found["timestamp"][middle] == found["timestamp"][middle + 1]
    assert sorted(set(found["timestamp"])) == proper["timestamp"]
    assert {len(values) for values in {**twice, **adjusted}.values()} == {bars + 1}
    assert twice["close"][middle : middle + 2] == [quote["close"][middle], quote["close"][middle] * 1.01]
    assert twice["open"][middle] == twice["open"][middle + 1]

    found, _, _ = spoilt(missing_meta())
    assert found["meta"].keys() == proper["meta"].keys() - {"exchangeTimezoneName"}
    assert result(ask()) == proper


@pytest.mark.parametrize(
    "fault", [nulls(), missing_meta(), duplicate_timestamps()], ids=lambda fault: fault.name
)
def test_faults_in_bars_leave_answers_without_bars_alone(
    yahoo: YahooServer, ask: Callable[..., Response], fault: Fault
) -> None:
    yahoo.faults("AAPL", forever(fault))
    yahoo.faults("GONE", forever(fault))
    assert "timestamp" not in result(ask(period1=0, period2=1))
    assert ask("GONE").status_code == 404


def test_a_reset_is_seen_as_one_and_nothing_asks_again(
    yahoo: YahooServer, ask: Callable[..., Response]
) -> None:
    # On a new connection, then on one that had an answer before.
    for faults in ((reset(),), (as_usual(), reset())):
        yahoo.faults("AAPL", *faults)
        before = yahoo.chart_requests()
        for _ in faults[:-1]:
            ask()
        with pytest.raises(ConnectionFailed, match="reset by peer"):
            ask()
        assert yahoo.chart_requests() == before + len(faults)
        assert result(ask())["timestamp"]


def test_an_answer_that_is_held_comes_later(yahoo: YahooServer, ask: Callable[..., Response]) -> None:
    yahoo.faults("AAPL", hang(0.3), hang(20))
    started = clock.monotonic()
    assert result(ask())["timestamp"]
    assert clock.monotonic() - started >= 0.3
    with pytest.raises(Timeout):
        ask(timeout=0.2)
    assert result(ask())["timestamp"]


def test_closing_waits_for_no_answer_and_no_client() -> None:
    with Session[Response]() as idle, ThreadPoolExecutor(1) as pool:
        with YahooServer({"AAPL": made_up_listing(1, FIRST, LAST)}) as server:
            idle.get(f"{server.base_url}{CRUMB}")
            server.faults("AAPL", hang(60))

            def stuck() -> None:
                with Session[Response]() as session:
                    session.get(f"{server.base_url}{CHART}AAPL", timeout=60)

            waiting = pool.submit(stuck)
            while server.chart_requests() == 0:
                clock.sleep(0.01)
            started = clock.monotonic()
        assert clock.monotonic() - started < 2
        with pytest.raises(ConnectionFailed):
            waiting.result(timeout=5)
        with pytest.raises(ConnectionFailed):
            idle.get(f"{server.base_url}{CRUMB}", timeout=5)


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


def test_yfinance_asks_twice_when_it_is_refused(yahoo: YahooServer, history: PricePanel) -> None:
    # First for the time zone, then for the prices; each again, with other cookies, after an error.
    yahoo.faults("AAPL", as_usual(), status(429), as_usual())
    assert_history_is(history("AAPL"), yahoo.listings["AAPL"])
    assert yahoo.chart_requests() == 3
    yahoo.faults("AAPL", forever(status(429)))
    with pytest.raises(YFRateLimitError):
        history("AAPL")
    # The time zone is on disk by now.
    assert yahoo.chart_requests() == 5


def test_mistakes_in_a_listing_are_no_faults_of_the_vendor() -> None:
    with (
        pytest.raises(ExceptionGroup) as raised,
        YahooServer({"AAPL": made_up_listing(1, FIRST, LAST)}) as server,
        Session[Response]() as session,
    ):
        server.listings["AAPL"].prices = server.listings["AAPL"].prices.iloc[::-1]
        with pytest.raises(ConnectionFailed):
            session.get(f"{server.base_url}{CHART}AAPL", timeout=5)
    assert raised.group_contains(ValueError, match="the sessions of AAPL do not ascend")


def test_made_up_listings_are_plausible_and_the_same_each_time() -> None:
    listing = made_up_listing(5, date(2004, 1, 2), date(2023, 12, 29))
    prices = listing.prices
    assert len(prices) > 5000
    pd.testing.assert_frame_equal(prices, made_up_listing(5, date(2004, 1, 2), date(2023, 12, 29)).prices)
    assert not prices["close"].equals(
        made_up_listing(6, date(2004, 1, 2), date(2023, 12, 29)).prices["close"]
    )
    assert (prices["high"] >= prices[["open", "close"]].max(axis=1)).all()
    assert (prices["low"] <= prices[["open", "close"]].min(axis=1)).all()
    assert (prices["low"] > 0.1).all()
    assert prices["volume"].dtype == np.int64
    for name in PRICES:
        np.testing.assert_array_equal(prices[name], prices[name].round(4))
    assert np.log(prices["close"]).diff().abs().max() < 0.15
    assert made_up_listing(1, FIRST, LAST, "24/7").time_zone == "UTC"
    india = made_up_listing(1, FIRST, LAST, "XBOM", time_zone="Asia/Kolkata", opening=time(9, 15))
    assert (india.time_zone, india.opening) == ("Asia/Kolkata", time(9, 15))
    with pytest.raises(ValueError, match="time zone"):
        made_up_listing(1, FIRST, LAST, "XBOM")


def test_the_period_ends_now_when_nothing_else_is_said(
    yahoo: YahooServer, ask: Callable[..., Response]
) -> None:
    today = datetime.now(UTC).date()
    yahoo.listings["NEW"] = made_up_listing(1, FIRST, date(today.year, today.month, 1), "24/7")
    assert result(ask("NEW", period1=0))["timestamp"][-1] <= clock.time()
