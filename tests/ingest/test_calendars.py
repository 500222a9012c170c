"""A calendar that ends, or that no one knows, stops its own tickers."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import exchange_calendars
import pandas as pd
import pytest

from stockjax import sessions
from stockjax.errors import CalendarError
from stockjax.ingest import ingest_warnings
from stockjax.ingest.listings import listings
from stockjax.sessions import Exchange
from stockjax.settings import load_settings
from tests.support.ingest_runs import FIRST, LAST, NIGHT_1, NIGHT_2, NIGHT_3, query, spend
from tests.support.yahoo_payload import Listing, made_up_listing
from tests.support.yahoo_server import YahooServer

TICKERS = ("AAA", "7203.T")


def ends(monkeypatch: pytest.MonkeyPatch, code: str, last: date) -> None:
    """Let a calendar end on a session, as some releases of exchange-calendars have it."""
    known = sessions._calendar
    short = exchange_calendars.get_calendar(code, start="2000-01-01", end=last.isoformat())
    monkeypatch.setattr(sessions, "_calendar", lambda asked: short if asked == code else known(asked))


def test_a_calendar_that_has_ended_stops_its_tickers_and_no_other(
    yahoo: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yahoo.listings["7203.T"] = made_up_listing(5, FIRST, LAST, "XTKS")
    spend(yahoo, tmp_path, NIGHT_2, settings={"tickers": TICKERS})
    stored = query(tmp_path, "SELECT * FROM prices WHERE ticker = '7203.T' ORDER BY session")
    ends(monkeypatch, "XTKS", NIGHT_2)
    yahoo.set_today(NIGHT_3)
    spent = spend(yahoo, tmp_path, NIGHT_3, settings={"tickers": TICKERS})
    sentence = f"the calendar XTKS is known to {NIGHT_2} only; upgrade exchange-calendars"
    assert (spent.states["AAA"].state, spent.states["AAA"].last_session) == ("active", NIGHT_3)
    assert (spent.states["7203.T"].state, spent.states["7203.T"].reason) == ("failed", sentence)
    # What the vendor said of it is kept, and nothing is asked or stored.
    assert (spent.states["7203.T"].exchange, spent.states["7203.T"].exchange_from) == ("XTKS", "vendor")
    assert spent.requests == {"AAA": 1}
    assert query(tmp_path, "SELECT * FROM prices WHERE ticker = '7203.T' ORDER BY session") == stored
    monkeypatch.undo()
    assert "7203.T" in spend_again(yahoo, tmp_path)


def spend_again(yahoo: YahooServer, folder: Path) -> list[str]:
    """The tickers that a night with a whole calendar asks for."""
    return list(spend(yahoo, folder, NIGHT_3, settings={"tickers": TICKERS}).requests)


def test_a_new_ticker_of_such_an_exchange_is_refused_by_name(
    yahoo: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yahoo.listings["7203.T"] = made_up_listing(5, FIRST, LAST, "XTKS")
    ends(monkeypatch, "XTKS", NIGHT_1)
    spent = spend(yahoo, tmp_path, NIGHT_2, settings={"tickers": TICKERS})
    assert spent.failures() == {"7203.T": CalendarError}
    assert query(tmp_path, "SELECT DISTINCT ticker FROM prices") == [("AAA",)]


def test_a_run_whose_only_calendar_has_ended_says_so(
    yahoo: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(monkeypatch, "XTKS", NIGHT_1)
    with pytest.raises(CalendarError, match=f"XTKS is known to {NIGHT_1} only"):
        spend(yahoo, tmp_path, NIGHT_2, settings={"tickers": ("AAA",), "exchange": "XTKS"})


def test_a_run_warns_before_a_calendar_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, "XTKS", date(2024, 8, 30))
    listed = listings(["AAA", "7203.T"], load_settings(), {"7203.T": "XTKS"}).values()
    found = ingest_warnings.ending_calendars(listed, lambda exchange: date(2024, 6, 6))
    assert found == {
        "XTKS": "its calendar ends on 2024-08-30, in 59 sessions; upgrade exchange-calendars before"
    }
    assert ingest_warnings.ending_calendars(listed, lambda exchange: date(2024, 5, 31)) == {}


def test_a_zone_is_that_of_an_exchange_where_clocks_agree() -> None:
    new_york = Exchange("XNYS")
    assert new_york.is_in("America/Toronto")
    assert not new_york.is_in("America/Lima")
    assert not new_york.is_in("Mars/Olympus")


def test_a_session_that_a_calendar_lacks_is_said_and_sundays_of_a_currency_are_not(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    def on_a_sunday(listing: Listing, days: list[str]) -> Listing:
        rows = listing.prices
        extra = rows.tail(len(days)).assign(session=pd.to_datetime(days).astype("datetime64[s]"))
        return replace(listing, prices=pd.concat([rows, extra]).sort_values("session", ignore_index=True))

    sundays = [str(day.date()) for day in pd.date_range("2024-01-07", NIGHT_2, freq="W")]
    early = date(2023, 1, 3)
    yahoo.listings["TCS.BO"] = on_a_sunday(made_up_listing(5, early, LAST, "XTKS"), ["2024-03-03"])
    yahoo.listings["EURUSD=X"] = on_a_sunday(made_up_listing(6, early, LAST, "XTKS"), sundays)
    yahoo.set_today(NIGHT_2)
    spent = spend(yahoo, tmp_path, NIGHT_2, settings={"tickers": ("AAA", "TCS.BO", "EURUSD=X")})
    assert spent.ingested.warnings == {
        "XTKS": "its calendar lacks the sessions of 2024-03-03, whose prices are refused; "
        "upgrade exchange-calendars"
    }
