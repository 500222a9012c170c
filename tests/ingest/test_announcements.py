"""Nights that ask for announcements: what is stored, what is asked, and what a source that fails costs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from stockjax.errors import SourceUnavailableError
from stockjax.events import Announcement
from stockjax.ingest import Ingested, announcements
from stockjax.ingest.context_series import ingest_context
from stockjax.settings import Settings, load_settings
from stockjax.sources.events import EventDelivery, EventRequest
from stockjax.warehouse import Warehouse
from tests.sources.yahoo.test_earnings import page
from tests.support.runs import RunDriver, evening, settings_for
from tests.support.warehouse_rows import fetch
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

NOTICES = "SELECT * EXCLUDE (run_id, recorded_at) FROM events ORDER BY ALL"


def sample(folder: Path, **changes: Any) -> Settings:
    return load_settings(source="sample", warehouse=folder, **({"tickers": ("AAPL", "FB")} | changes))


def night(settings: Settings, as_of: date, lines: list[str] | None = None) -> Ingested:
    """The first steps of a night of recorded prices."""
    run = RunDriver(settings, as_of, log=(lines if lines is not None else []).append)
    run.open()
    try:
        return run.ingest()
    finally:
        run.release()


def notices(folder: Path, sql: str = NOTICES) -> list[tuple[Any, ...]]:
    return fetch(Warehouse(folder), sql)


def test_dates_of_the_sample_are_invisible_until_they_are_known(tmp_path: Path) -> None:
    night(sample(tmp_path), date(2013, 1, 14))
    newest = (
        "SELECT status, max(date), max(known_from) FROM events WHERE ticker = 'AAPL' GROUP BY 1 ORDER BY 1"
    )
    assert notices(tmp_path, newest) == [
        ("assumed", date(2012, 10, 25), date(2012, 10, 18)),
        ("projected", date(2013, 1, 22), date(2012, 10, 25)),
        ("reported", date(2012, 10, 25), date(2012, 10, 25)),
    ]
    night(sample(tmp_path), date(2013, 1, 15))
    assert notices(tmp_path, newest)[0] == ("assumed", date(2013, 1, 23), date(2013, 1, 15))
    assert notices(tmp_path, "SELECT count(*) FROM events WHERE known_from > '2013-01-15'") == [(0,)]


def test_night_after_night_stores_what_one_night_stores_and_nothing_twice(tmp_path: Path) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    night(sample(one), date(2013, 3, 1))
    stored = notices(one)
    assert night(sample(one), date(2013, 3, 1)).notices == 0
    assert notices(one) == stored
    for as_of in (
        date(2012, 6, 1),
        date(2012, 10, 24),
        date(2013, 1, 23),
        date(2013, 1, 24),
        date(2013, 3, 1),
    ):
        night(sample(many), as_of)
    assert notices(many) == stored
    # A run of the past finds nothing new in it.
    assert night(sample(many), date(2012, 6, 1)).notices == 0
    assert notices(many) == stored


def test_the_implied_volatility_is_stored_as_far_as_the_session_goes(tmp_path: Path) -> None:
    sql = "SELECT series, min(session), max(session), count(*) FROM market_context GROUP BY 1"
    night(sample(tmp_path), date(2013, 2, 25))
    assert notices(tmp_path, sql)[0][2] == date(2013, 2, 25)
    night(sample(tmp_path), date(2013, 3, 1))
    assert notices(tmp_path, sql) == [("^VIX", date(1990, 1, 2), date(2013, 3, 1), 5835)]
    off = tmp_path / "off"
    night(sample(off, context={"implied_volatility": {}}), date(2013, 3, 1))
    assert notices(off, sql) == []


def test_no_source_is_no_news(tmp_path: Path) -> None:
    lines: list[str] = []
    assert night(sample(tmp_path, events={"sources": ()}), date(2013, 3, 1), lines).warnings == {}
    assert notices(tmp_path) == []
    assert not [line for line in lines if "announcement" in line]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "<html>gone</html>",
            "'events.csv' cannot be read (it is a web page, not a table; download the table itself)",
        ),
        (None, "there is no file"),
    ],
)
def test_a_file_that_cannot_be_read_costs_nothing_but_its_news(
    tmp_path: Path, text: str | None, sentence: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_text("ticker,date\nAAPL,2013-01-23\n", encoding="utf-8")
    settings = sample(tmp_path / "warehouse", events={"path": path})
    night(settings, date(2013, 1, 30))
    stored = notices(tmp_path / "warehouse")
    assert len(stored) == 2
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    done = night(settings, date(2013, 3, 1))
    assert sentence in done.warnings["announcements from files"]
    assert notices(tmp_path / "warehouse") == stored


def test_a_file_of_the_user_takes_the_place_of_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("ticker,date,kind\nGOOG,2013-01-22,\nGOOG,2013-02-06,guidance\n", encoding="utf-8")
    night(sample(tmp_path / "warehouse", tickers=("GOOG",), events={"path": path}), date(2013, 3, 1))
    found = notices(
        tmp_path / "warehouse", "SELECT DISTINCT ticker, kind, date, source FROM events ORDER BY 2"
    )
    assert found == [
        ("GOOG", "earnings", date(2013, 1, 22), "files"),
        ("GOOG", "guidance", date(2013, 2, 6), "files"),
    ]


def test_a_shorter_file_moves_no_date(tmp_path: Path) -> None:
    path, warehouse = tmp_path / "events.csv", tmp_path / "warehouse"
    settings = sample(warehouse, tickers=("AAPL",), events={"path": path})
    headings, report = "ticker,date,time,known_at", "AAPL,2013-01-23,after,2013-01-08T21:05:00Z"
    coming = "AAPL,2013-03-04,before,2013-02-20T14:00:00Z"
    path.write_text(f"{headings}\n{report}\n{coming}\n", encoding="utf-8")
    night(settings, date(2013, 2, 28))
    stored = notices(warehouse)
    path.write_text(f"{headings}\n{report.replace('after', '')}\n", encoding="utf-8")
    done = night(settings, date(2013, 3, 1))
    assert done.warnings == {}
    assert notices(warehouse) == stored


def test_rows_that_cannot_be_read_are_in_the_message_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("ticker,date\nAAPL,2013-01-23\nAAPL,2013-13-40\n", encoding="utf-8")
    done = night(sample(tmp_path / "warehouse", events={"path": path}), date(2013, 3, 1))
    assert "'2013-13-40' is no date; correct the file" in done.warnings["announcements from files"]


@dataclass
class Fake:
    """A live source that says what a test gives it, and remembers what it was asked."""

    says: dict[str, list[Announcement]]
    name: str = "yahoo"
    fails: Exception | None = None
    asks_by_ticker: bool = True
    looks_ahead: bool = True
    asked: list[str] = field(default_factory=list)

    def fetch(self, requests: Iterable[EventRequest]) -> Iterator[EventDelivery]:
        for request in requests:
            self.asked.append(request.ticker)
            if isinstance(self.fails, SourceUnavailableError):
                yield EventDelivery((), frozenset(), {request.ticker: self.fails})
            elif self.fails:
                raise self.fails
            else:
                yield EventDelivery(tuple(self.says.get(request.ticker, ())), frozenset({request.ticker}))


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with YahooServer() as vendor:
        for number, ticker in enumerate(("AAA", "BBB")):
            vendor.listings[ticker] = made_up_listing(number, date(2025, 6, 2), date(2026, 6, 30))
        yield vendor


def live_night(
    server: YahooServer, folder: Path, day: date, monkeypatch: pytest.MonkeyPatch, *sources: Fake
) -> Ingested:
    """The first steps of a night of live prices, with these sources of announcements."""
    monkeypatch.setattr(announcements, "open_event_sources", lambda settings: (list(sources), []))
    server.set_today(day)
    run = RunDriver(settings_for(server, folder, "AAA", "BBB"), log=lambda line: None, now=evening(day))
    run.open()
    try:
        return run.ingest()
    finally:
        run.release()


def said_of(ticker: str, *days: date, source: str = "yahoo", **changes: Any) -> list[Announcement]:
    return [Announcement(ticker, day, source, **changes) for day in days]


def test_what_a_live_source_says_is_known_since_it_was_seen(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake({"AAA": said_of("AAA", date(2026, 3, 16), timing="after")})
    live_night(server, tmp_path, date(2026, 3, 2), monkeypatch, fake)
    found = notices(tmp_path, "SELECT ticker, status, date, reaction, known_from, known_at FROM events")
    assert found == [
        (
            "AAA",
            "scheduled",
            date(2026, 3, 16),
            date(2026, 3, 17),
            date(2026, 3, 2),
            evening(date(2026, 3, 2)).replace(tzinfo=None),
        )
    ]


def test_a_ticker_is_asked_only_when_news_is_due(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake({"AAA": said_of("AAA", date(2026, 3, 16))})
    for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13):
        live_night(server, tmp_path, date(2026, 3, day), monkeypatch, fake)
    # The first night of both; then two sessions before the day, of the one that has one.
    assert fake.asked == ["AAA", "BBB", "AAA"]


def test_a_date_that_is_moved_when_it_is_near_is_reported(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_night(
        server, tmp_path, date(2026, 3, 2), monkeypatch, Fake({"AAA": said_of("AAA", date(2026, 3, 16))})
    )
    moved = Fake({"AAA": said_of("AAA", date(2026, 3, 20))})
    done = live_night(server, tmp_path, date(2026, 3, 12), monkeypatch, moved)
    assert done.warnings == {
        "AAA": "the announcement of 2026-03-16 (earnings) was moved to 2026-03-20, says yahoo"
    }
    history = notices(
        tmp_path, "SELECT date, known_from, supersedes IS NOT NULL FROM events ORDER BY known_from"
    )
    assert history == [
        (date(2026, 3, 16), date(2026, 3, 2), False),
        (date(2026, 3, 20), date(2026, 3, 12), True),
    ]
    # Asked of the view at a moment, it tells what was known then.
    for moment, day in (("2026-03-10", date(2026, 3, 16)), ("2026-03-14", date(2026, 3, 20))):
        assert notices(tmp_path, f"SELECT date FROM events_as_of('{moment}')") == [(day,)]


def test_two_sources_of_one_night_are_one_announcement(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = [date(2025, 8, 6), date(2025, 11, 5), date(2026, 2, 4)]
    sec = Fake({"AAA": said_of("AAA", *past, source="sec", timing="after")}, "sec", looks_ahead=False)
    days = [*(day.replace(day=day.day - 1) for day in past), date(2026, 5, 6)]
    yahoo = Fake({"AAA": said_of("AAA", *days, timing_is_reliable=False)})
    live_night(server, tmp_path, date(2026, 3, 2), monkeypatch, sec, yahoo)
    reported = notices(
        tmp_path, "SELECT date, source, reaction FROM events WHERE status = 'reported' ORDER BY 1"
    )
    assert [row[:2] for row in reported] == [(day, "sec") for day in past]
    assert [row[2] for row in reported] == [date(2025, 8, 7), date(2025, 11, 6), date(2026, 2, 5)]
    ahead = notices(tmp_path, "SELECT ticker, date, source, status FROM upcoming_events")
    assert ahead == [("AAA", date(2026, 5, 6), "yahoo", "scheduled")]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            SourceUnavailableError("EDGAR answered HTTP 503; run again later"),
            "HTTP 503; run again later (AAA, BBB)",
        ),
        (KeyError("filings"), "it failed (KeyError: 'filings'); report this"),
    ],
)
def test_a_source_that_fails_stops_no_other_and_is_asked_again(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    broken = Fake({}, "sec", fails=error)
    good = Fake({"BBB": said_of("BBB", date(2026, 3, 16))})
    done = live_night(server, tmp_path, date(2026, 3, 2), monkeypatch, broken, good)
    assert sentence in done.warnings["announcements from sec"]
    assert list(done.warnings) == ["announcements from sec"]
    assert notices(tmp_path, "SELECT ticker FROM events") == [("BBB",)]
    broken.asked.clear()
    live_night(server, tmp_path, date(2026, 3, 3), monkeypatch, broken, good)
    assert broken.asked[0] == "AAA"
    assert good.asked == ["AAA", "BBB"]


def test_a_vendor_without_the_index_is_said_and_costs_nothing_else(
    server: YahooServer, tmp_path: Path
) -> None:
    day = date(2026, 3, 2)
    server.set_today(day)
    chosen = settings_for(server, tmp_path, "AAA", "BBB", context={"implied_volatility": {"XNYS": "^VIX"}})
    run = RunDriver(chosen, log=lambda line: None, now=evening(day))
    run.open()
    done = run.ingest()
    run.release()
    assert "^VIX" in done.warnings["^VIX"]
    server.listings["^VIX"] = made_up_listing(9, date(2025, 6, 2), date(2026, 6, 30))
    assert ingest_context(chosen, run.warehouse, run.plan, run.source, lambda line: None) == {}
    newest = fetch(run.warehouse, "SELECT max(session), count(*) > 100 FROM market_context")
    assert newest == [(day, True)]
    # It is no ticker: neither forecast nor learnt from.
    assert fetch(run.warehouse, "SELECT count(*) FROM prices WHERE ticker = '^VIX'") == [(0,)]


def test_a_run_killed_between_asking_and_writing_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: Any, **others: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(announcements, "store_events", killed)
        with pytest.raises(KeyboardInterrupt):
            night(sample(tmp_path), date(2013, 3, 1))
    assert notices(tmp_path) == []
    again, undisturbed = (
        night(sample(folder), date(2013, 3, 1)) for folder in (tmp_path, tmp_path / "other")
    )
    assert again.notices == undisturbed.notices > 0


def test_one_night_asks_edgar_and_yahoo(tmp_path: Path, httpserver: HTTPServer) -> None:
    """The real sources, against servers of this machine; of what both report EDGAR is believed."""
    days = ["2012-04-24", "2012-07-24", "2012-10-25", "2013-01-23"]
    filings = {
        "form": ["8-K"] * 4,
        "items": ["2.02,9.01"] * 4,
        "filingDate": days,
        "acceptanceDateTime": [f"{day}T21:31:00.000Z" for day in days],
    }
    httpserver.expect_request("/files/company_tickers.json").respond_with_json(
        {"0": {"cik_str": 320193, "ticker": "AAPL"}, "1": {"cik_str": 51143, "ticker": "IBM"}}
    )
    apple = "/submissions/CIK0000320193.json"
    httpserver.expect_request(apple).respond_with_json({"filings": {"recent": filings, "files": []}})
    httpserver.expect_request("/submissions/CIK0000051143.json").respond_with_data("down", status=404)
    rows = [("April 23, 2013 at 4 PM EDT", "10", "-"), ("January 22, 2013 at 4 PM EST", "13", "13.8")]
    httpserver.expect_request("/calendar/earnings").respond_with_data(page(rows), content_type="text/html")
    url = httpserver.url_for("").rstrip("/")
    settings = sample(
        tmp_path,
        tickers=("AAPL", "IBM"),
        events={
            **{"sources": ("sec", "yahoo"), "contact": "nights@example.org"},
            **{"sec_url": url, "sec_data_url": url},
        },
        yahoo={"base_url": url, "requests_per_second": 0},
    )
    lines: list[str] = []
    done = night(settings, date(2013, 3, 1), lines)
    assert any("2 tickers asked of sec, 2 tickers asked of yahoo" in line for line in lines)
    assert list(done.warnings) == ["announcements from sec"]
    assert "EDGAR has no filings of this company (HTTP 404) (IBM)" in done.warnings["announcements from sec"]
    reported = """SELECT ticker, date, timing, reaction, source FROM events
                  WHERE status = 'reported' AND date > '2013-01-01' ORDER BY 1"""
    assert notices(tmp_path, reported) == [
        ("AAPL", date(2013, 1, 23), "after", date(2013, 1, 24), "sec"),
        ("IBM", date(2013, 1, 22), "after", date(2013, 1, 23), "yahoo"),
    ]
