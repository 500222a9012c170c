"""What nights leave behind in the warehouse, and what they ask of the vendor."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from stockjax.errors import RateLimitedError, SourceUnavailableError, UnknownTickerError
from stockjax.ingest import ingest
from stockjax.ingest.ingest import is_fetched_in_full
from stockjax.sessions import exchange
from stockjax.sources import Delivery, Request, Source
from stockjax.sources.yahoo import source as yahoo_source
from stockjax.warehouse import Warehouse
from tests.support.ingest_runs import (
    FIRST,
    LAST,
    NIGHT_1,
    NIGHT_2,
    NIGHT_3,
    STORED,
    TICKERS,
    Rows,
    changed,
    evening,
    listings,
    others,
    query,
    reasons,
    spend,
    values,
    values_once,
)
from tests.support.warehouse_rows import contents
from tests.support.yahoo_faults import forever, status
from tests.support.yahoo_payload import PRICES, Listing, made_up_listing
from tests.support.yahoo_server import YahooServer

TABLES = ("prices", "price_revisions", "quarantine", "tickers")


def test_the_first_night_stores_all_there_is(yahoo: YahooServer, tmp_path: Path) -> None:
    spent = spend(yahoo, tmp_path, NIGHT_2)
    assert spent.requests == dict.fromkeys(TICKERS, 1)
    assert spent.ingested.stored == spent.ingested.read == 4 * (STORED + 1)
    stored = query(tmp_path, "SELECT session, close, volume FROM prices WHERE ticker = 'CCC' ORDER BY ALL")
    listed = yahoo.listings["CCC"].prices.head(STORED + 1)
    assert stored == list(
        zip(listed["session"].dt.date, listed["close"], listed["volume"].astype(float), strict=True)
    )


def test_an_ordinary_night_asks_once_for_each_ticker(yahoo: YahooServer, folder: Path) -> None:
    spent = spend(yahoo, folder, NIGHT_2)
    assert spent.requests == dict.fromkeys(TICKERS, 1)
    assert spent.ingested.summary() == {
        "up_to_date": 0,
        "rows_read": 4 * 13,
        "rows_stored": 4,
        "rows_unchanged": 4 * 12,
        "rows_rejected": 0,
        "restated": {},
        "checks": {},
        "notices": 0,
    }


def test_a_night_that_is_up_to_date_asks_for_nothing(yahoo: YahooServer, folder: Path) -> None:
    spend(yahoo, folder, NIGHT_2)
    before, asked = contents(Warehouse(folder)), len(yahoo.requests)
    again = spend(yahoo, folder, NIGHT_2)
    after = contents(Warehouse(folder))
    assert len(yahoo.requests) == asked
    assert again.ingested.skipped == 4
    assert {name: after[name] for name in TABLES[:3]} == {name: before[name] for name in TABLES[:3]}


def test_one_session_missed_is_one_request_too(
    yahoo: YahooServer, folder: Path, faultless: dict[int, Path]
) -> None:
    yahoo.set_today(NIGHT_3)
    assert spend(yahoo, folder, NIGHT_3).requests == dict.fromkeys(TICKERS, 1)
    assert values(folder) == values_once(faultless[3])


def with_news(listing: Listing) -> Listing:
    """A split, and a stored close that is missing now."""
    return replace(listing, prices=changed(listing.prices, STORED - 5, close=np.nan), splits={NIGHT_2: 2.0})


def test_the_same_nights_make_the_same_tables(yahoo: YahooServer, folder: Path, tmp_path: Path) -> None:
    yahoo.set_today(NIGHT_1)
    other = tmp_path / "other"
    spend(yahoo, other, NIGHT_1)
    yahoo.listings["BBB"] = with_news(yahoo.listings["BBB"])
    yahoo.faults("CCC", forever(status(404)))
    yahoo.set_today(NIGHT_2)
    for place in (folder, other):
        spend(yahoo, place, NIGHT_2)
    for table in TABLES:
        assert values(folder, table) == values(other, table) != []


def test_rows_that_come_again_change_nothing(yahoo: YahooServer, folder: Path) -> None:
    listing = yahoo.listings["BBB"]
    listing.prices = changed(listing.prices, STORED - 5, close=np.nan)
    spend(yahoo, folder, NIGHT_2)
    before = contents(Warehouse(folder))
    assert [row[2] for row in before["quarantine"]] == ["missing_price"]
    # On the next evening the vendor has nothing new.
    again = spend(yahoo, folder, NIGHT_3)
    assert again.requests == dict.fromkeys(TICKERS, 1)
    assert (again.ingested.read, again.ingested.stored) == (4 * 12, 0)
    after = contents(Warehouse(folder))
    assert {name: after[name] for name in TABLES[:3]} == {name: before[name] for name in TABLES[:3]}


def test_noise_of_the_vendors_32_bit_numbers_is_no_news(tmp_path: Path) -> None:
    with YahooServer(listings(), float32=True) as yahoo:
        yahoo.listings["BBB"].splits[date(2024, 3, 1)] = 3.0
        yahoo.listings["BBB"].dividends[date(2024, 4, 1)] = 0.3
        for day in (NIGHT_1, NIGHT_2):
            yahoo.set_today(day)
            spent = spend(yahoo, tmp_path, day)
    assert spent.requests == dict.fromkeys(TICKERS, 1)
    assert spent.ingested.restated == {}
    assert spent.ingested.stored == 4


def test_half_of_the_universe_may_fail(yahoo: YahooServer, folder: Path, faultless: dict[int, Path]) -> None:
    for ticker in ("AAA", "BBB"):
        yahoo.faults(ticker, forever(status(500)))
    spent = spend(yahoo, folder, NIGHT_2)
    assert spent.failures() == {"AAA": SourceUnavailableError, "BBB": SourceUnavailableError}
    expected = others(values_once(faultless[2]), "AAA", "BBB") + others(
        values_once(faultless[1]), "CCC", "DDD"
    )
    assert values(folder) == sorted(expected)
    for ticker in ("AAA", "BBB"):
        yahoo.faults(ticker)
    again = spend(yahoo, folder, NIGHT_2)
    assert again.requests == {"AAA": 1, "BBB": 1}
    assert values(folder) == values_once(faultless[2])


def test_a_night_without_a_vendor_harms_nothing(
    yahoo: YahooServer, folder: Path, faultless: dict[int, Path]
) -> None:
    for ticker in TICKERS:
        yahoo.faults(ticker, forever(status(429)))
    spent = spend(yahoo, folder, NIGHT_2)
    assert spent.failures() == dict.fromkeys(TICKERS, RateLimitedError)
    assert {state.state for state in spent.states.values()} == {"active"}
    assert values(folder) == values_once(faultless[1])


def test_a_bar_that_was_not_final_in_the_evening_is_restated(
    yahoo: YahooServer, folder: Path, faultless: dict[int, Path]
) -> None:
    prices = yahoo.listings["BBB"].prices
    yahoo.listings["BBB"].prices = changed(prices, STORED, close=prices["open"][STORED], volume=1000)
    spend(yahoo, folder, NIGHT_2)
    assert values(folder, ticker="BBB") != values_once(faultless[2], ticker="BBB")
    yahoo.listings["BBB"].prices = prices
    yahoo.set_today(NIGHT_3)
    assert spend(yahoo, folder, NIGHT_3).ingested.restated == {"restatement": 1}
    assert values(folder) == values_once(faultless[3])


def test_an_error_that_the_next_session_shows_is_taken_out(
    yahoo: YahooServer, folder: Path, faultless: dict[int, Path]
) -> None:
    prices = yahoo.listings["BBB"].prices
    error = {name: 100 * prices[name][STORED] for name in PRICES}
    yahoo.listings["BBB"].prices = changed(prices, STORED, **error)
    spend(yahoo, folder, NIGHT_2)
    assert len(values(folder, ticker="BBB")) == STORED + 1
    yahoo.set_today(NIGHT_3)
    spent = spend(yahoo, folder, NIGHT_3)
    assert spent.ingested.checks["impossible_spike"] == 1
    assert spent.ingested.restated == reasons(folder) == {"disproved": 1}
    assert values(folder) == [row for row in values_once(faultless[3]) if row[:2] != ("BBB", NIGHT_2)]

    # The vendor mends it.
    yahoo.listings["BBB"].prices = prices
    day = NIGHT_3 + timedelta(days=1)
    yahoo.set_today(day)
    spend(yahoo, folder, day)
    assert [row for row in values(folder) if row[1] != day] == values_once(faultless[3])


def test_a_ticker_that_ends_is_given_time_and_keeps_its_history(
    yahoo: YahooServer, folder: Path, faultless: dict[int, Path]
) -> None:
    after = exchange("XNYS").sessions(NIGHT_2, LAST)
    found = {}
    for count in (1, 4, 5, 20, 21):
        day = after[count - 1].item()
        yahoo.set_today(day)
        yahoo.listings["BBB"].last = NIGHT_1
        spent = spend(yahoo, folder, day)
        assert spent.requests == dict.fromkeys(TICKERS, 1)
        assert f"{count} session(s) ago" in str(spent.states["BBB"].reason)
        assert spent.states["AAA"].last_session == day
        found[count] = spent.states["BBB"].state
    assert found == {1: "active", 4: "active", 5: "stale", 20: "stale", 21: "delisted"}
    assert values(folder, ticker="BBB") == values_once(faultless[1], ticker="BBB")

    yahoo.listings["BBB"].last = day
    assert spend(yahoo, folder, day).states["BBB"].state == "active"


@pytest.mark.parametrize(("count", "state"), [(4, "active"), (5, "delisted")])
def test_a_ticker_that_the_vendor_no_longer_knows_is_delisted_sooner(
    yahoo: YahooServer, folder: Path, count: int, state: str
) -> None:
    day = exchange("XNYS").sessions(NIGHT_2, LAST)[count - 1].item()
    yahoo.set_today(day)
    yahoo.faults("BBB", forever(status(404)))
    spent = spend(yahoo, folder, day)
    assert spent.states["BBB"].state == state
    assert "No data found" in str(spent.states["BBB"].reason)


def test_what_is_refused_is_on_record_and_what_is_accepted_once_stays(
    yahoo: YahooServer, folder: Path
) -> None:
    yahoo.listings["BBB"] = replace(yahoo.listings["BBB"], prices=made_up_listing(77, FIRST, LAST).prices)
    refused = spend(yahoo, folder, NIGHT_2)
    assert refused.ingested.rejected == STORED + 1
    assert refused.ingested.checks == {"another_history": STORED + 1}
    assert "history.accept" in str(refused.states["BBB"].reason)
    accept = {"history": {"accept": ["BBB"]}}
    spend(yahoo, folder, NIGHT_2, settings=accept)
    assert reasons(folder) == {"recycled": STORED}
    yahoo.set_today(NIGHT_3)
    # The setting may be left as it is, or taken out.
    for settings in (accept, {}):
        later = spend(yahoo, folder, NIGHT_3, settings=settings)
        assert later.states["BBB"].state == "active"
        assert later.ingested.restated == {}


def known_prices(folder: Path, moment: datetime | None = None) -> Rows:
    """The prices as they are, or as they were known at a moment."""
    columns = (
        "ticker, session, open, high, low, close, adj_close, volume, dividend, split, source, fetched_at"
    )
    if moment is None:
        return query(folder, f"SELECT {columns} FROM prices ORDER BY ALL")
    return query(folder, f"SELECT {columns} FROM prices_as_of($1) ORDER BY ALL", moment.replace(tzinfo=None))


def nothing(listing: Listing, day: date) -> None:
    del listing, day


def split(listing: Listing, day: date) -> None:
    listing.splits[day] = 0.25


def dividend(listing: Listing, day: date) -> None:
    listing.dividends[day] = 0.7


def restated(listing: Listing, day: date) -> None:
    prices = listing.prices
    at = int((prices["session"].dt.date < day).sum()) - 3
    listing.prices = changed(prices, at, close=prices["high"][at])


def withdrawn(listing: Listing, day: date) -> None:
    keep = listing.prices["session"].dt.date != day - timedelta(days=14)
    listing.prices = listing.prices[keep].reset_index(drop=True)


STORY = (split, dividend, nothing, restated, withdrawn, dividend)


def test_the_prices_of_every_evening_can_be_had_back(yahoo: YahooServer, folder: Path) -> None:
    lines = [(datetime.now(UTC), known_prices(folder))]
    for night, happens in zip(exchange("XNYS").sessions(NIGHT_2, LAST), STORY, strict=False):
        day = night.item()
        happens(yahoo.listings["BBB"], day)
        yahoo.set_today(day)
        spend(yahoo, folder, day)
        lines.append((datetime.now(UTC), known_prices(folder)))
    for moment, prices in lines:
        assert known_prices(folder, moment) == prices
    assert known_prices(folder, datetime(2024, 1, 1, tzinfo=UTC)) == []
    assert set(reasons(folder)) == {"split", "dividend", "restatement", "withdrawn"}


class Interrupted(Exception):
    """The computer was switched off."""


class EndsAfterOnePart:
    """A source that is cut off after its first part."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source

    def universe(self) -> tuple[str, ...]:
        return self._source.universe()

    def last_session(self) -> date | None:
        return self._source.last_session()

    def fetch(self, requests: Iterable[Request], last: date) -> Iterator[Delivery]:
        yield next(self._source.fetch(requests, last))
        raise Interrupted


@pytest.mark.parametrize("night", ["the first", "the second"])
def test_a_night_that_was_cut_off_goes_on_where_it_was(
    yahoo: YahooServer,
    folder: Path,
    faultless: dict[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    night: str,
) -> None:
    monkeypatch.setattr(yahoo_source, "PART_TICKERS", 2)
    slowly = {"yahoo": {"workers": 1, "requests_per_second": 20}}
    place = folder if night == "the second" else tmp_path / "new"
    with pytest.raises(Interrupted):
        spend(yahoo, place, NIGHT_2, source=EndsAfterOnePart, settings=slowly)
    arrived = {row[0] for row in query(place, "SELECT ticker FROM prices WHERE session = ?", NIGHT_2)}
    assert 2 <= len(arrived) < 4
    again = spend(yahoo, place, NIGHT_2)
    assert again.requests == dict.fromkeys(set(TICKERS) - arrived, 1)
    assert again.ingested.skipped == len(arrived)
    for table in TABLES:
        assert values(place, table) == values_once(faultless[2], table)


HOSTILE = ("'; DROP TABLE prices; --", "../../etc/passwd", "A\nB", "$tickers", "US0378331005")


def test_names_that_are_no_symbols_are_data_and_nothing_else(
    yahoo: YahooServer, folder: Path, faultless: dict[int, Path]
) -> None:
    spent = spend(yahoo, folder, NIGHT_2, settings={"tickers": (*TICKERS, *HOSTILE)})
    assert spent.failures() == {ticker.upper(): UnknownTickerError for ticker in HOSTILE}
    assert spent.requests == dict.fromkeys(TICKERS, 1)
    for ticker in map(str.upper, HOSTILE):
        assert spent.states[ticker].state == "failed"
        assert "check the symbol" in str(spent.states[ticker].reason)
    assert values(folder) == values_once(faultless[2])


SATURDAY, SUNDAY = date(2024, 5, 11), date(2024, 5, 12)


def test_a_ticker_trades_where_the_vendor_says_unless_the_settings_say_otherwise(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    yahoo.listings["7203.T"] = made_up_listing(5, FIRST, LAST, "XTKS")
    yahoo.listings["BTC-USD"] = made_up_listing(6, FIRST, LAST, "24/7")
    yahoo.listings["ODD"] = made_up_listing(7, FIRST, LAST, time_zone="Africa/Lagos")
    yahoo.set_today(SATURDAY)
    settings = {
        "tickers": ("AAA", "BBB", "7203.T", "BTC-USD", "ODD", "NONE"),
        "exchanges": {"BBB": "XLON"},
    }
    expected = {
        "AAA": ("XNYS", "vendor"),
        "BBB": ("XLON", "settings"),
        "7203.T": ("XTKS", "vendor"),
        "BTC-USD": ("24/7", "vendor"),
        # There is no calendar of Lagos: its sessions cannot be placed.
        "ODD": ("XNYS", "default"),
        "NONE": ("XNYS", "default"),
    }
    first = spend(yahoo, tmp_path, SATURDAY, settings=settings)
    assert {name: (x.exchange, x.exchange_from) for name, x in first.states.items()} == expected
    # Saturday's session of what trades on all days is not over.
    known = [x for name, x in first.states.items() if name not in ("ODD", "NONE")]
    assert {x.last_session for x in known} == {NIGHT_2}
    assert (first.states["ODD"].state, first.states["ODD"].reason) == (
        "failed",
        "yahoo has 'ODD' in Africa/Lagos, for which no calendar is known; name one in exchanges, "
        "or remove the ticker",
    )

    yahoo.set_today(SUNDAY)
    second = spend(yahoo, tmp_path, SUNDAY, settings=settings)
    assert second.requests == {"BTC-USD": 1, "NONE": 1, "ODD": 1}
    assert second.states["BTC-USD"].last_session == SATURDAY
    assert {name: (x.exchange, x.exchange_from) for name, x in second.states.items()} == expected


def test_an_unfinished_day_of_a_market_that_never_closes_is_not_stored(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    yahoo.listings["BTC-USD"] = made_up_listing(6, FIRST, LAST, "24/7")
    yahoo.set_today(NIGHT_2)
    # New York's session is over at ten in the evening, that of the coin is not.
    spent = spend(yahoo, tmp_path, NIGHT_2, settings={"tickers": ("AAA", "BTC-USD")})
    assert spent.states["AAA"].last_session == NIGHT_2
    assert spent.states["BTC-USD"].last_session == NIGHT_1


def test_a_first_night_before_new_york_opens_has_tokyos_session_of_the_day(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    yahoo.listings["7203.T"] = made_up_listing(5, FIRST, LAST, "XTKS")
    yahoo.set_today(NIGHT_3)
    noon = evening(NIGHT_3) - timedelta(hours=10)
    spent = spend(yahoo, tmp_path, noon, settings={"tickers": ("7203.T",)})
    assert spent.states["7203.T"].last_session == NIGHT_3


def test_a_change_before_the_overlap_is_found_once_a_ticker_is_fetched_in_full(
    yahoo: YahooServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = yahoo.listings["BBB"]
    at = STORED - 40
    yahoo.listings["BBB"] = replace(old, prices=changed(old.prices, at, volume=1))
    assert spend(yahoo, folder, NIGHT_2).ingested.restated == {}
    monkeypatch.setattr(ingest, "FULL_EVERY", 1)
    yahoo.set_today(NIGHT_3)
    spent = spend(yahoo, folder, NIGHT_3)
    assert spent.requests == dict.fromkeys(TICKERS, 1)
    assert spent.ingested.restated == {"restatement": 1}


def test_each_ticker_is_fetched_in_full_once_in_twenty_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "FULL_EVERY", 20)
    days = [day.item() for day in exchange("XNYS").sessions(date(2024, 1, 2), date(2024, 3, 1))][:40]
    names = [f"T{number}" for number in range(400)]
    turns = {
        name: [place for place, day in enumerate(days) if is_fetched_in_full(name, exchange("XNYS"), day)]
        for name in names
    }
    assert all(len(found) == 2 and found[1] - found[0] == 20 for found in turns.values())
    # The nights share the work.
    assert max(np.bincount([found[0] for found in turns.values()])) < 40
