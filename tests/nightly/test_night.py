"""Whole nights against a loopback vendor: holidays, several exchanges, renames, spikes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import exchange_calendars
import pandas as pd
import pytest

from stockjax import sessions
from stockjax.errors import ConnectionFailedError, UsageError
from stockjax.settings import load_settings
from tests.support.runs import SMALL, RunDriver, evening, forecast_all, settings_for, whole_night
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

FIRST, LAST = date(2025, 5, 1), date(2026, 3, 10)


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with YahooServer() as vendor:
        for number, ticker in enumerate(("AAA", "BBB")):
            vendor.listings[ticker] = made_up_listing(number, FIRST, LAST)
        yield vendor


def rows(night: RunDriver, sql: str) -> list[tuple[Any, ...]]:
    with night.warehouse.read() as connection:
        return connection.execute(sql).fetchall()


def test_a_night_on_a_holiday_is_a_no_op_that_says_so(server: YahooServer, tmp_path: Path) -> None:
    friday, monday_off = date(2026, 2, 13), date(2026, 2, 16)
    settings = settings_for(server, tmp_path, "AAA", "BBB")
    server.set_today(friday)
    *_, first = whole_night(settings, friday)
    assert first.message == "2 of 2 tickers forecast for 2026-02-17"
    asked = server.chart_requests()
    night, ingested, universe, second = whole_night(settings, monday_off)
    assert second.message == (
        "2 of 2 tickers forecast for 2026-02-17; 2026-02-16 is no session of XNYS: nothing to do"
    )
    assert (universe.due, universe.due_catch_up, ingested.skipped) == ([], {}, 2)
    assert server.chart_requests() == asked
    assert rows(night, "SELECT count(*) FROM forecasts") == [(8,)]
    assert rows(night, "SELECT status FROM runs") == [("completed",), ("completed",)]


def test_a_holiday_run_still_makes_up_for_the_night_before_it(server: YahooServer, tmp_path: Path) -> None:
    server.set_today(date(2026, 2, 13))
    night, *_, outcome = whole_night(settings_for(server, tmp_path, "AAA"), date(2026, 2, 16))
    assert outcome.message == "1 of 1 tickers forecast for 2026-02-17"
    assert rows(night, "SELECT DISTINCT as_of, origin FROM forecasts") == [(date(2026, 2, 13), "nightly")]


def test_each_ticker_follows_the_sessions_of_its_own_exchange(server: YahooServer, tmp_path: Path) -> None:
    server.listings["7203.T"] = made_up_listing(3, FIRST, LAST, "XTKS")
    server.listings["BTC-USD"] = made_up_listing(4, FIRST, LAST, "24/7")
    friday = date(2026, 3, 6)
    server.set_today(date(2026, 3, 7))
    night, *_, outcome = whole_night(settings_for(server, tmp_path, "AAA", "7203.T", "BTC-USD"), friday)
    assert outcome.forecast == 3
    found = rows(night, "SELECT DISTINCT ticker, as_of, target, origin FROM forecasts ORDER BY 1")
    assert found == [
        ("7203.T", friday, date(2026, 3, 9), "nightly"),
        ("AAA", friday, date(2026, 3, 9), "nightly"),
        # Its bar of the 6th closes at midnight; its session of the 6th is under way.
        ("BTC-USD", date(2026, 3, 5), date(2026, 3, 6), "catchup"),
    ]
    assert rows(night, "SELECT ticker, exchange, exchange_from FROM tickers ORDER BY 1") == [
        ("7203.T", "XTKS", "vendor"),
        ("AAA", "XNYS", "vendor"),
        ("BTC-USD", "24/7", "vendor"),
    ]


def test_a_renamed_ticker_says_where_its_history_goes_on(server: YahooServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB", "CCC")
    server.set_today(date(2026, 2, 2))
    whole_night(settings, date(2026, 2, 2))
    server.listings["CCC"] = server.listings.pop("BBB")
    server.set_today(date(2026, 2, 12))
    night, *_ = whole_night(settings, date(2026, 2, 12))
    ((state, reason, sessions),) = rows(
        night, "SELECT state, reason, sessions FROM tickers WHERE ticker = 'BBB'"
    )
    assert state == "delisted"
    assert "its history goes on as 'CCC'" in reason
    assert sessions == len(rows(night, "FROM prices WHERE ticker = 'BBB'")) > 100
    assert rows(night, "SELECT max(as_of) FROM forecasts WHERE ticker = 'BBB'") == [(date(2026, 2, 2),)]


def test_a_bar_that_the_next_one_disproves_leaves_the_prices(server: YahooServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB")
    wrong, after = date(2026, 2, 9), date(2026, 2, 10)
    listing = server.listings["AAA"]
    here = listing.prices["session"] == pd.Timestamp(wrong)
    listing.prices.loc[here, ["open", "high", "low", "close"]] *= 100
    server.set_today(wrong)
    night, *_ = whole_night(settings, wrong)
    assert rows(night, f"SELECT count(*) FROM prices WHERE ticker = 'AAA' AND session = '{wrong}'") == [(1,)]
    for day in (after, date(2026, 2, 11)):
        server.set_today(day)
        night, *_ = whole_night(settings, day)
        assert rows(night, f"FROM prices WHERE ticker = 'AAA' AND session = '{wrong}'") == []
    assert rows(night, "SELECT ticker, session, reason FROM price_revisions") == [("AAA", wrong, "disproved")]
    assert rows(night, "SELECT count(*) FROM quarantine WHERE reason = 'impossible_spike'") == [(1,)]


def test_a_run_that_asks_for_the_past_of_a_live_source_is_no_live_one(
    server: YahooServer, tmp_path: Path
) -> None:
    night = RunDriver(
        settings_for(server, tmp_path, "AAA"),
        date(2026, 2, 3),
        now=datetime(2026, 3, 10, 22, 30, tzinfo=UTC),
    )
    night.open()
    universe = night.resolve_universe(night.ingest())
    assert {market.origin for market in universe.markets.values()} == {"catchup"}
    assert rows(night, "SELECT max(session) FROM prices") == [(date(2026, 2, 3),)]


def test_a_run_right_after_the_close_says_when_the_bars_are_final(
    server: YahooServer, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path, "AAA")
    lines: list[str] = []
    night = RunDriver(settings, log=lines.append, now=datetime(2026, 2, 3, 21, 5, tzinfo=UTC))
    night.open()
    universe = night.resolve_universe(night.ingest())
    (market,) = universe.markets.values()
    assert (market.as_of, market.origin) == (date(2026, 2, 2), "catchup")
    sentence = "XNYS: it has just closed: the bars of 2026-02-03 are final at 21:20 UTC"
    assert [line for line in lines if "final" in line] == [f"{sentence} (run.settle_minutes); run again then"]


def test_a_hole_is_asked_for_again_until_it_is_filled(server: YahooServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB")
    hole = date(2025, 11, 3)
    listing = server.listings["AAA"]
    here = listing.prices["session"] == pd.Timestamp(hole)
    whole = listing.prices.copy()
    listing.prices.loc[here, ["open", "high", "low", "close"]] = float("nan")
    server.set_today(date(2026, 3, 5))
    whole_night(settings, date(2026, 3, 5))
    server.set_today(date(2026, 3, 6))
    night, *_ = whole_night(settings, date(2026, 3, 6))
    assert rows(night, f"FROM prices WHERE ticker = 'AAA' AND session = '{hole}'") == []
    listing.prices = whole
    server.set_today(date(2026, 3, 9))
    asked = server.chart_requests("AAA")
    night, *_ = whole_night(settings, date(2026, 3, 9))
    assert len(rows(night, f"FROM prices WHERE ticker = 'AAA' AND session = '{hole}'")) == 1
    assert server.chart_requests("AAA") == asked + 1
    assert rows(night, "FROM price_revisions") == []


def test_the_sample_and_prices_of_today_do_not_share_a_warehouse(server: YahooServer, tmp_path: Path) -> None:
    sample = RunDriver(load_settings(warehouse=tmp_path))
    sample.open()
    sample.ingest()
    sample.close("completed", {})
    night = RunDriver(settings_for(server, tmp_path, "AAA"))
    with pytest.raises(UsageError, match="holds prices from sample; give those from yahoo another one"):
        night.open()


def test_a_night_that_was_only_backtested_can_be_asked_for(tmp_path: Path) -> None:
    settings = load_settings(
        warehouse=tmp_path, tickers=("IBM",), training=SMALL, warmup={"sessions": 3}, workers=1
    )

    def night(as_of: date | None) -> RunDriver:
        made = RunDriver(settings, as_of)
        made.open()
        universe = made.resolve_universe(made.ingest())
        forecast_all(made, universe)
        made.warm_up(universe)
        made.release()
        return made

    night(None)
    made = night(date(2013, 2, 27))
    found = rows(
        made, "SELECT as_of, origin FROM forecasts WHERE model = 'lstm' AND origin <> 'backtest' ORDER BY 1"
    )
    assert found == [(date(2013, 2, 27), "catchup"), (date(2013, 3, 1), "nightly")]


def test_a_night_asked_for_has_the_bits_of_one_that_knew_no_more(
    tmp_path: Path, sample_prices: pd.DataFrame
) -> None:
    """Two fresh warehouses: the file of one ends with the session, that of the other goes on."""
    as_of = date(2013, 2, 13)
    known = sample_prices["session"] <= pd.Timestamp(as_of)
    chosen = sample_prices["ticker"].isin(["FB", "IBM"]) & (sample_prices["session"] >= "2011-06-01")
    files = {"whole": sample_prices[chosen], "cut": sample_prices[chosen & known]}
    assert len(files["whole"]) == len(files["cut"]) + 2 * 11
    found: dict[str, list[list[tuple[Any, ...]]]] = {}
    for name, prices in files.items():
        path = tmp_path / f"{name}.csv"
        prices.to_csv(path, index=False)
        settings = load_settings(
            source="files",
            path=path,
            warehouse=tmp_path / name,
            training=SMALL,
            history={"training_sessions": 320},
            warmup={"sessions": 3, "ticker_every": 2},
        )
        night = RunDriver(settings, as_of)
        night.open()
        universe = night.resolve_universe(night.ingest())
        forecast_all(night, universe)
        night.warm_up(universe)
        night.close("completed", {})
        found[name] = [
            rows(night, f"SELECT * EXCLUDE (run_id, {moment}) FROM {table} ORDER BY ALL")
            for table, moment in (("forecasts", "created_at"), ("models", "trained_at, path"))
        ]
    forecasts, models = found["whole"]
    # Two tickers and four models, replayed from three sessions and forecast from one.
    assert len(forecasts) == 2 * 4 * (3 + 1)
    # A base and IBM in the replay, IBM again there, and both on the night: the same networks,
    # hashes of data and code, and seeds.
    assert len(models) == 5
    assert found["cut"] == found["whole"]


def test_a_vendor_out_of_reach_is_reported_soon_and_by_name(tmp_path: Path) -> None:
    with YahooServer() as gone:
        settings = settings_for(gone, tmp_path, *(f"S{number:02d}" for number in range(40)))
    lines: list[str] = []
    night = RunDriver(settings, None, lines.append, now=evening(date(2026, 3, 5)))
    night.open()
    failures = night.ingest().failures
    assert len(failures) == 40
    assert {type(failure) for failure in failures.values()} == {ConnectionFailedError}
    assert "as for the tickers before" in str(failures["S39"])


def test_a_ticker_whose_bars_are_late_for_ever_is_forecast_once_they_are_there(
    server: YahooServer, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB")
    days = [date(2026, 2, 10), date(2026, 2, 11), date(2026, 2, 12)]
    late = date(2026, 2, 9)
    for day in days:
        server.set_today(day)
        server.listings["BBB"].last = late
        night, _, universe, outcome = whole_night(settings, day)
        (state,) = (each for each in universe.states if each.ticker == "BBB")
        assert state.reason == f"its last price is of {late}, 1 session(s) ago"
        assert f"BBB: {state.reason}" in outcome.message
        late = day
    found = rows(night, "SELECT DISTINCT as_of, origin FROM forecasts WHERE ticker = 'BBB' ORDER BY 1")
    assert found == [(day, "catchup") for day in (date(2026, 2, 9), *days[:2])]
    assert rows(night, "SELECT count(*) FROM forecasts WHERE ticker = 'AAA'") == [(12,)]


def test_a_session_of_which_no_ticker_has_a_bar_is_said_and_filled_later(
    server: YahooServer, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB")
    for day in (date(2026, 2, 10), date(2026, 2, 11)):
        server.set_today(day)
        for ticker in ("AAA", "BBB"):
            server.listings[ticker].last = date(2026, 2, 10)
        *_, outcome = whole_night(settings, day)
    assert "XNYS: no ticker has a price of 2026-02-11: the exchange was closed" in outcome.message
    server.set_today(date(2026, 2, 12))
    night, *_, outcome = whole_night(settings, date(2026, 2, 12))
    assert "no ticker has a price" not in outcome.message
    assert rows(night, "SELECT as_of, count(*) FROM forecasts GROUP BY ALL ORDER BY 1") == [
        (date(2026, 2, 10), 8),
        (date(2026, 2, 11), 8),
        (date(2026, 2, 12), 8),
    ]


def test_a_change_of_units_is_in_the_message_of_its_night_alone(server: YahooServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB")
    prices = server.listings["BBB"].prices
    pounds = prices["session"] >= pd.Timestamp("2026-02-11")
    prices.loc[pounds, ["open", "high", "low", "close"]] /= 100
    messages = []
    for day in (date(2026, 2, 10), date(2026, 2, 11), date(2026, 2, 12)):
        server.set_today(day)
        messages.append(whole_night(settings, day)[-1].message)
    sentence = "BBB: the close of 2026-02-11 moved as by a split or a change of units (pence, pounds)"
    assert [sentence in message for message in messages] == [False, True, False]


def test_a_calendar_that_has_ended_leaves_the_night_of_the_others(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.listings["7203.T"] = made_up_listing(3, FIRST, LAST, "XTKS")
    settings = settings_for(server, tmp_path, "AAA", "7203.T")
    days = [date(2026, 2, 10), date(2026, 2, 12)]
    known = sessions._calendar
    short = exchange_calendars.get_calendar("XTKS", start="2000-01-01", end="2026-02-11")
    for day in days:
        server.set_today(day)
        night, _, _, outcome = whole_night(settings, day)
        monkeypatch.setattr(sessions, "_calendar", lambda code: short if code == "XTKS" else known(code))
    assert outcome.message == (
        "1 of 2 tickers forecast for 2026-02-13; 1 missed session(s) caught up; 7203.T: failed, "
        "the calendar XTKS is known to 2026-02-10 only; upgrade exchange-calendars"
    )
    newest = rows(night, "SELECT ticker, max(as_of) FROM forecasts GROUP BY ALL ORDER BY ALL")
    assert newest == [("7203.T", days[0]), ("AAA", days[1])]
