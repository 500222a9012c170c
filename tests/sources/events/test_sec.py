"""EDGAR on this machine: what it answers, and every way in which it fails."""

import json
import re
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from stockjax.errors import (
    ConnectionFailedError,
    InvalidDataError,
    RateLimitedError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    TruncatedResponseError,
    UnknownTickerError,
)
from stockjax.sessions import Exchange
from stockjax.settings import EventsSettings
from stockjax.sources.events import EventDelivery, EventRequest, sec
from stockjax.sources.events.sec import SecFilings

NYSE = Exchange("XNYS")
COMPANIES = {
    "0": {"cik_str": 320193, "ticker": "AAPL", "title": "Apple Inc."},
    "1": {"cik_str": 1652044, "ticker": "GOOGL", "title": "Alphabet Inc."},
    "2": {"cik_str": 1652044, "ticker": "GOOG", "title": "Alphabet Inc."},
    "3": {"cik_str": 1067983, "ticker": "BRK-B", "title": "Berkshire"},
}
APPLE, ALPHABET, BERKSHIRE = (f"/submissions/CIK{number:010d}.json" for number in (320193, 1652044, 1067983))
OLDER = "/submissions/CIK0000320193-submissions-001.json"


def filings(*rows: tuple[str, str, str, str]) -> dict[str, list[str]]:
    names = ("form", "items", "filingDate", "acceptanceDateTime")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


RECENT = filings(
    ("8-K", "2.02,9.01", "2024-02-01", "2024-02-01T21:30:33.000Z"),
    ("10-Q", "", "2024-02-02", "2024-02-02T11:00:00.000Z"),
    ("8-K", "5.02", "2023-12-01", "2023-12-01T21:30:00.000Z"),
    # Accepted after 17:30 in New York: dated with the next business day.
    ("8-K", "2.02", "2023-11-03", "2023-11-02T22:10:00.000Z"),
    ("8-K", "2.02", "2023-08-03", "2023-08-03T11:05:00.000Z"),
    ("8-K/A", "2.02", "2023-08-07", "2023-08-07T20:30:00.000Z"),
)
OLD = filings(
    ("8-K", "2.02", "2010-01-25", "2010-01-25T21:31:00.000Z"),
    ("8-K", "12", "2004-07-14", "2004-07-14T20:31:00.000Z"),
    ("8-K", "12", "2010-03-14", "2010-03-14T20:31:00.000Z"),
)


def submissions(recent: Any = RECENT, older: bool = True) -> dict[str, Any]:
    files = [{"name": OLDER.rpartition("/")[2]}, {"name": "../../secret.json"}] if older else []
    return {"cik": "320193", "filings": {"recent": recent, "files": files}}


class Edgar:
    """What the server answers by path, and what it was asked."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.answers: dict[str, list[Response]] = {}
        self.asked: list[Request] = []
        server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    def says(self, path: str, *answers: Response) -> None:
        self.answers[path] = list(answers)

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        waiting = self.answers.get(request.path)
        if not waiting:
            return Response("gone", 404)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def as_json(content: Any) -> Response:
    return Response(json.dumps(content), content_type="application/json")


@pytest.fixture(autouse=True)
def _retries_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sec, "_FIRST_WAIT", 0.01)


@pytest.fixture
def edgar(httpserver: HTTPServer) -> Edgar:
    found = Edgar(httpserver)
    found.says("/files/company_tickers.json", as_json(COMPANIES))
    found.says(APPLE, as_json(submissions()))
    found.says(OLDER, as_json(OLD))
    return found


def source(edgar: Edgar, **changes: Any) -> SecFilings:
    url = edgar.server.url_for("").rstrip("/")
    chosen = {
        "sec_url": url,
        "sec_data_url": url,
        "contact": "nights@example.org",
        "pause": 0.02,
        "timeout": 5,
    }
    return SecFilings(EventsSettings(**{**chosen, **changes}))


def asked(edgar: Edgar, *tickers: str, known: date | None = None, **changes: Any) -> list[EventDelivery]:
    requests = [EventRequest(ticker, NYSE, known) for ticker in tickers]
    return list(source(edgar, **changes).fetch(requests))


def days(delivery: EventDelivery) -> list[tuple[date, str]]:
    return [(said.day, said.timing) for said in sorted(delivery.announcements, key=lambda said: said.day)]


def test_results_are_dated_by_the_moment_of_acceptance(edgar: Edgar) -> None:
    (found,) = asked(edgar, "AAPL")
    assert days(found) == [
        (date(2004, 7, 14), "after"),
        (date(2010, 1, 25), "after"),
        (date(2023, 8, 3), "before"),
        (date(2023, 11, 2), "after"),
        (date(2024, 2, 1), "after"),
    ]
    assert found.answered == {"AAPL"}
    first = next(said for said in found.announcements if said.day == date(2024, 2, 1))
    assert first.released_at == datetime(2024, 2, 1, 21, 30, 33, tzinfo=UTC)
    assert first.source == "sec"


def test_it_says_who_asks_and_asks_for_older_pages_once(edgar: Edgar) -> None:
    asked(edgar, "AAPL")
    assert edgar.paths() == ["/files/company_tickers.json", APPLE, OLDER]
    assert {request.headers["User-Agent"] for request in edgar.asked} == {"stockjax nights@example.org"}
    edgar.asked.clear()
    asked(edgar, "AAPL", known=date(2024, 1, 2))
    assert edgar.paths() == ["/files/company_tickers.json", APPLE]


def test_two_tickers_of_one_company_have_the_same_announcements(edgar: Edgar) -> None:
    edgar.says(ALPHABET, as_json(submissions(older=False)))
    first, second = asked(edgar, "GOOG", "GOOGL")
    assert days(first) == days(second) != []
    assert {said.ticker for said in second.announcements} == {"GOOGL"}


def test_a_share_class_is_found_in_either_spelling(edgar: Edgar) -> None:
    edgar.says(BERKSHIRE, as_json(submissions(older=False)))
    for ticker in ("BRK-B", "BRK.B"):
        assert len(asked(edgar, ticker)[0].announcements) == 3


def test_a_ticker_that_edgar_has_not_is_answered_with_nothing(edgar: Edgar) -> None:
    (found,) = asked(edgar, "7203.T")
    assert found == EventDelivery((), frozenset({"7203.T"}))
    assert edgar.paths() == ["/files/company_tickers.json"]


@pytest.mark.parametrize(
    ("filed", "accepted", "day", "timing"),
    [
        # Without a time, and with one that cannot be right: the day that EDGAR writes.
        ("2024-02-01", "2024-02-01T05:00:00.000Z", date(2024, 2, 1), "unknown"),
        ("2024-02-01", "", date(2024, 2, 1), "unknown"),
        ("2024-02-01", "2024-02-09T21:30:00.000Z", date(2024, 2, 1), "unknown"),
        ("2024-02-01", "2024-01-09T21:30:00.000Z", date(2024, 2, 1), "unknown"),
        ("2024-02-01", "2024-02-01T21:30:00", date(2024, 2, 1), "after"),
        # Over a weekend.
        ("2024-02-05", "2024-02-02T23:30:00.000Z", date(2024, 2, 2), "after"),
    ],
)
def test_a_moment_that_cannot_be_right_leaves_the_day_alone(
    edgar: Edgar, filed: str, accepted: str, day: date, timing: str
) -> None:
    edgar.says(APPLE, as_json(submissions(filings(("8-K", "2.02", filed, accepted)), older=False)))
    (found,) = asked(edgar, "AAPL")
    assert days(found) == [(day, timing)]


def test_a_filing_without_a_date_is_left_out_and_said(edgar: Edgar) -> None:
    rows = filings(("8-K", "2.02", "yesterday", ""), ("8-K", "2.02", "2024-02-01", ""))
    edgar.says(APPLE, as_json(submissions(rows, older=False)))
    (found,) = asked(edgar, "AAPL")
    assert days(found) == [(date(2024, 2, 1), "unknown")]
    assert found.remarks == ("EDGAR: 1 filings of 'AAPL' have no date and are left out",)


FAULTS = [
    (
        Response("<html>busy</html>", content_type="text/html"),
        TruncatedResponseError,
        "is no JSON ('<html>busy",
    ),
    (Response('{"filings": {"rec', content_type="application/json"), TruncatedResponseError, "is no JSON"),
    (as_json([1, 2]), InvalidDataError, "JSON of another kind"),
    (as_json({"filings": {"recent": []}}), InvalidDataError, "JSON of another kind"),
    (as_json({"filings": {"recent": {"form": ["8-K"]}}}), InvalidDataError, "JSON of another kind"),
    (
        as_json({"filings": {"recent": {**filings(("8-K", "2.02", "2024-02-01", "")), "form": []}}}),
        TruncatedResponseError,
        "is cut off",
    ),
    (Response("no contact", 403), InvalidDataError, "e-mail address in events.contact"),
    (Response("gone", 404), UnknownTickerError, "HTTP 404"),
    (Response("slowly", 429), RateLimitedError, "slow down"),
    (Response("down", 503), SourceUnavailableError, "HTTP 503"),
    (Response("odd", 418), InvalidDataError, "HTTP 418"),
]


@pytest.mark.parametrize(("answer", "kind", "sentence"), FAULTS, ids=lambda value: str(value)[:28])
def test_a_fault_costs_its_ticker_alone(
    edgar: Edgar, answer: Response, kind: type[SourceError], sentence: str
) -> None:
    edgar.says(APPLE, answer)
    edgar.says(ALPHABET, as_json(submissions(older=False)))
    first, second = asked(edgar, "AAPL", "GOOG", pause_budget=0.1)
    assert type(first.failures["AAPL"]) is kind
    assert sentence in str(first.failures["AAPL"])
    assert first.answered == frozenset()
    if kind is not RateLimitedError:
        assert second.answered == {"GOOG"}


def test_what_passes_is_asked_for_again(edgar: Edgar) -> None:
    edgar.says(APPLE, Response("down", 503), Response("slowly", 429), as_json(submissions(older=False)))
    (found,) = asked(edgar, "AAPL")
    assert len(found.announcements) == 3
    assert edgar.paths().count(APPLE) == 3


def test_without_the_list_of_companies_each_ticker_fails_after_one_request(edgar: Edgar) -> None:
    edgar.says("/files/company_tickers.json", Response("no contact", 403))
    found = asked(edgar, "AAPL", "GOOG")
    assert [set(one.failures) for one in found] == [{"AAPL"}, {"GOOG"}]
    assert edgar.paths() == ["/files/company_tickers.json"]


def test_a_server_that_is_silent_or_away_is_named(edgar: Edgar) -> None:
    def slow(request: Request) -> Response:
        time.sleep(0.5)
        return as_json(COMPANIES)

    edgar.server.clear()
    edgar.server.expect_request("/files/company_tickers.json").respond_with_handler(slow)
    (found,) = asked(edgar, "AAPL", timeout=0.1)
    assert isinstance(found.failures["AAPL"], SourceTimeoutError)
    away = SecFilings(EventsSettings(sec_url="http://127.0.0.1:9", contact="nights@example.org"))
    (nothing,) = away.fetch([EventRequest("AAPL", NYSE)])
    assert isinstance(nothing.failures["AAPL"], ConnectionFailedError)


def test_requests_keep_below_ten_a_second(edgar: Edgar) -> None:
    edgar.says(ALPHABET, as_json(submissions(older=False)))
    before = time.monotonic()
    asked(edgar, *["GOOG"] * 12)
    assert time.monotonic() - before >= 1.1
