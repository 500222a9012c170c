"""Earnings dates from Yahoo's page, through yfinance and a server of this machine."""

import re
from datetime import date
from typing import Any

import pandas as pd
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from stockjax.errors import (
    InvalidDataError,
    RateLimitedError,
    SourceError,
    SourceUnavailableError,
    TruncatedResponseError,
    UnknownTickerError,
)
from stockjax.sessions import Exchange
from stockjax.settings import YahooSettings
from stockjax.sources.events import EventDelivery, EventRequest
from stockjax.sources.yahoo import earnings
from stockjax.sources.yahoo.earnings import YahooEarnings, announcements

NYSE, TOKYO = Exchange("XNYS"), Exchange("XTKS")
ROWS = [
    ("July 31, 2024 at 4 PM EDT", "1.35", "-"),
    ("May 2, 2024 at 4 PM EDT", "1.50", "1.53"),
    ("February 1, 2024 at 7 AM EST", "2.10", "2.18"),
]


def page(rows: list[tuple[str, str, str]]) -> str:
    cells = "".join(
        f"<tr><td>AAPL</td><td>Apple</td><td>{when}</td><td>{estimate}</td><td>{reported}</td><td>-</td></tr>"
        for when, estimate, reported in rows
    )
    headings = ("Symbol", "Company", "Earnings Date", "EPS Estimate", "Reported EPS", "Surprise (%)")
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    return f"<html><body><table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></body></html>"


class Vendor:
    """What the server answers by symbol, and what it was asked."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.pages: dict[str, list[Response]] = {}
        self.asked: list[dict[str, str]] = []
        server.expect_request("/calendar/earnings").respond_with_handler(self._answer)
        server.expect_request(re.compile("/v1/test/getcrumb")).respond_with_data("crumb")

    def _answer(self, request: Request) -> Response:
        self.asked.append(dict(request.args))
        waiting = self.pages[request.args["symbol"]]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.fixture(autouse=True)
def _retries_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earnings, "_FIRST_WAIT", 0.01)


@pytest.fixture
def vendor(httpserver: HTTPServer) -> Vendor:
    found = Vendor(httpserver)
    found.pages["AAPL"] = [Response(page(ROWS), content_type="text/html")]
    return found


def asked(
    vendor: Vendor, *tickers: str, known: date | None = None, exchange: Exchange = NYSE
) -> list[EventDelivery]:
    settings = YahooSettings(
        base_url=vendor.server.url_for("").rstrip("/"), requests_per_second=0, pause=0.02, pause_budget=0.1
    )
    return list(YahooEarnings(settings).fetch([EventRequest(ticker, exchange, known) for ticker in tickers]))


def test_dates_behind_are_reports_and_dates_ahead_estimates(vendor: Vendor) -> None:
    (found,) = asked(vendor, "AAPL")
    said = [(each.day, each.timing, each.estimated) for each in found.announcements]
    assert said == [
        (date(2024, 7, 31), "after", True),
        (date(2024, 5, 2), "after", False),
        (date(2024, 2, 1), "before", False),
    ]
    # Its hours have been wrong before: a ticker's own reactions may contradict them.
    assert not any(each.timing_is_reliable for each in found.announcements)
    assert found.answered == {"AAPL"}


def test_days_are_those_of_the_exchange(vendor: Vendor) -> None:
    (found,) = asked(vendor, "AAPL", exchange=TOKYO)
    assert [(each.day, each.timing) for each in found.announcements][:2] == [
        (date(2024, 8, 1), "before"),
        (date(2024, 5, 3), "before"),
    ]


def test_once_all_of_the_past_and_then_the_newest_rows_are_asked_for(vendor: Vendor) -> None:
    asked(vendor, "AAPL")
    asked(vendor, "AAPL", known=date(2024, 5, 1))
    assert [query["size"] for query in vendor.asked] == ["100", "25"]


FAULTS = [
    ([Response("<html>half of a pa", content_type="text/html")], TruncatedResponseError, "cut off"),
    ([Response("", content_type="text/html")], TruncatedResponseError, "cut off"),
    ([Response("<html>Will be right back...</html>")], SourceUnavailableError, "right back"),
    ([Response("down", 503)], SourceUnavailableError, "HTTP 503"),
    ([Response("slowly", 429)], RateLimitedError, "slow down"),
    ([Response("gone", 404)], UnknownTickerError, "no such symbol"),
    ([Response("<html><table><tr><td>1</td></tr></table></html>")], InvalidDataError, "cannot be read"),
    (
        [Response(page([("the day after tomorrow", "1", "-")]), content_type="text/html")],
        InvalidDataError,
        "cannot be read",
    ),
]


@pytest.mark.parametrize(
    ("answers", "kind", "sentence"), FAULTS, ids=[str(number) for number in range(len(FAULTS))]
)
def test_a_fault_costs_its_ticker_alone(
    vendor: Vendor, answers: list[Response], kind: type[SourceError], sentence: str
) -> None:
    vendor.pages["BAD"] = answers
    bad, good = asked(vendor, "BAD", "AAPL")
    assert type(bad.failures["BAD"]) is kind
    assert sentence in str(bad.failures["BAD"])
    if kind is not RateLimitedError:
        assert len(good.announcements) == 3


def test_what_passes_is_asked_for_again(vendor: Vendor) -> None:
    vendor.pages["AAPL"] = [Response("down", 503), *vendor.pages["AAPL"]]
    (found,) = asked(vendor, "AAPL")
    assert len(found.announcements) == 3


def test_a_page_without_a_table_has_no_dates(vendor: Vendor) -> None:
    vendor.pages["NONE"] = [Response("<html><p>No results</p></html>", content_type="text/html")]
    (found,) = asked(vendor, "NONE")
    assert found == EventDelivery((), frozenset({"NONE"}))


def test_what_is_no_symbol_is_not_asked_for(vendor: Vendor) -> None:
    (found,) = asked(vendor, "US0378331005")
    assert isinstance(found.failures["US0378331005"], UnknownTickerError)
    assert vendor.asked == []


def test_two_rows_of_one_day_are_one_announcement() -> None:
    moments = pd.DatetimeIndex(["2024-05-02 16:00", "2024-05-02 16:30", None], tz="America/New_York")
    table = pd.DataFrame({"Reported EPS": [1.0, None, 2.0]}, index=moments)
    found = announcements(table, EventRequest("AAPL", NYSE))
    assert [(each.day, each.estimated) for each in found] == [(date(2024, 5, 2), False)]


def test_a_table_without_moments_is_refused() -> None:
    table: Any = pd.DataFrame({"Reported EPS": [1.0]}, index=["soon"])
    with pytest.raises(InvalidDataError, match="not dated by moments"):
        announcements(table, EventRequest("AAPL", NYSE))
