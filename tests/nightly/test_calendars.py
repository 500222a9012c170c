"""New York, Sydney, Tokyo, London and a market that never closes in one universe."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stockjax.engine import Policy
from stockjax.errors import RunInProgressError, UsageError
from stockjax.forecasting.plan import Plan, make_plan
from stockjax.nightly import steps
from stockjax.nightly.run_lock import RunLock
from stockjax.sessions import Exchange, exchange
from stockjax.settings import Settings, load_settings
from stockjax.sources import Source
from stockjax.sources.yahoo.source import YahooSource
from tests.support.runs import SMALL, RunDriver, all_steps
from tests.support.synthetic import price_frame, some_model
from tests.support.warehouse_rows import fetch

CODES = {"NYSE": "XNYS", "ASX": "XASX", "TSE": "XTKS", "LSE": "XLON", "COIN": "24/7"}
EXCHANGES = {ticker: Exchange(code) for ticker, code in CODES.items()}
MARGIN = timedelta(minutes=20)


def plan_at(now: datetime, settling: timedelta = MARGIN) -> Plan:
    source: Source = YahooSource(load_settings().yahoo)
    return make_plan(
        source, tuple(CODES), exchange("XNYS"), None, EXCHANGES.values(), now=now, settling=settling
    )


MOMENTS = {
    "18:00 New York in winter": datetime(2026, 1, 14, 23, 0, tzinfo=UTC),
    "18:00 New York in summer": datetime(2026, 7, 15, 22, 0, tzinfo=UTC),
    "18:30 Tokyo": datetime(2026, 1, 14, 9, 30, tzinfo=UTC),
    "a Saturday": datetime(2026, 1, 17, 15, 0, tzinfo=UTC),
    "a Sunday night": datetime(2026, 1, 18, 23, 30, tzinfo=UTC),
    "the end of a day in UTC": datetime(2026, 1, 15, 0, 10, tzinfo=UTC),
}


@pytest.mark.parametrize("now", MOMENTS.values(), ids=MOMENTS)
def test_a_forecast_is_nightly_just_where_its_target_has_not_opened(now: datetime) -> None:
    plan = plan_at(now)
    for market in map(plan.market, EXCHANGES.values()):
        closed = market.exchange.closes_at(market.as_of)
        assert closed <= now - MARGIN, "its last bar has had the time to settle"
        assert market.exchange.closes_at(market.target) > now - MARGIN, "no later bar has"
        assert (market.origin == "nightly") == (now <= market.exchange.opens_at(market.target))


def test_sydney_at_18_00_in_new_york_is_late_in_winter_and_in_time_at_its_own_hour() -> None:
    sydney = EXCHANGES["ASX"]
    # 10:00 in Sydney is 18:00 in New York from November to March.
    assert plan_at(datetime(2026, 1, 14, 23, 0, 5, tzinfo=UTC)).market(sydney).origin == "catchup"
    assert plan_at(datetime(2026, 7, 15, 22, 0, 5, tzinfo=UTC)).market(sydney).origin == "nightly"
    for day in (datetime(2026, 1, 14, 9, 30, tzinfo=UTC), datetime(2026, 7, 15, 9, 30, tzinfo=UTC)):
        for ticker in ("ASX", "TSE"):
            assert plan_at(day).market(EXCHANGES[ticker]).origin == "nightly"


@pytest.mark.parametrize(
    ("seconds", "settling", "last"),
    [
        (30, 20, date(2026, 1, 13)),
        (20 * 60 - 60, 20, date(2026, 1, 13)),
        (20 * 60 + 60, 20, date(2026, 1, 14)),
        (60, 0, date(2026, 1, 14)),
    ],
)
def test_a_bar_counts_once_it_has_settled(seconds: int, settling: int, last: date) -> None:
    close = datetime(2026, 1, 14, 21, 0, tzinfo=UTC)
    plan = plan_at(close + timedelta(seconds=seconds), timedelta(minutes=settling))
    assert plan.market(EXCHANGES["NYSE"]).as_of == last


def test_the_age_of_a_base_counts_the_sessions_of_the_setting_whatever_is_forecast() -> None:
    policy = Policy.of_nights(load_settings())
    base = replace(some_model(None), trained_through=date(2026, 1, 9))
    # From a Friday to the Sunday of the next week: five sessions of New York and nine days.
    assert policy.base_age(base, date(2026, 1, 18)) == 5
    other = Policy.of_nights(load_settings(exchange="24/7"))
    assert other.base_age(base, date(2026, 1, 18)) == 9


def settings_in(folder: Path, **changes: Any) -> Settings:
    return load_settings(
        source="files",
        path=folder / "prices.csv",
        warehouse=folder / "warehouse",
        exchanges=CODES,
        training=SMALL,
        warmup={"sessions": 0},
        history={"training_sessions": 320},
        workers=1,
        **changes,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frames = []
    for seed, (ticker, market) in enumerate(EXCHANGES.items()):
        days = market.sessions(date(2024, 1, 2), date(2025, 6, 13))
        frames.append(price_frame(ticker, days, seed))
    table = pd.concat(frames).rename(columns={"session": "date"})
    table.to_csv(tmp_path / "prices.csv", index=False)
    return tmp_path


def night(settings: Settings) -> RunDriver:
    made = RunDriver(settings)
    made.open()
    *_, outcome = all_steps(made)
    made.close("completed", outcome.summary())
    assert outcome.forecast == len(outcome.tickers)
    return made


def test_a_run_of_some_exchanges_forecasts_their_tickers_and_learns_from_all(folder: Path) -> None:
    first = night(settings_in(folder, forecast_exchanges="XTKS XASX"))
    done = "SELECT DISTINCT ticker FROM forecasts ORDER BY 1"
    assert fetch(first.warehouse, done) == [("ASX",), ("TSE",)]
    learnt = "SELECT hyperparameters->>'tickers' FROM models WHERE role = 'base'"
    assert fetch(first.warehouse, learnt) == [("5",)]
    inputs = "SELECT len(tickers) FROM forecast_inputs"
    assert fetch(first.warehouse, inputs) == [(5,)]
    before = fetch(first.warehouse, "FROM forecasts ORDER BY ALL")
    second = night(settings_in(folder, forecast_exchanges="XNYS XLON 24/7"))
    assert fetch(second.warehouse, done) == [(ticker,) for ticker in sorted(CODES)]
    assert set(before) <= set(fetch(second.warehouse, "FROM forecasts"))
    # The base of the first is that of the second.
    assert len(fetch(second.warehouse, learnt)) == 1


def test_runs_of_some_exchanges_wait_for_each_other(tmp_path: Path) -> None:
    asia = settings_in(tmp_path, forecast_exchanges="XTKS", run={"busy_timeout": 0.0})
    whole = settings_in(tmp_path, run={"busy_timeout": 0.0})
    lines: list[str] = []
    busy = RunLock(asia)
    busy.acquire("forecast", lines.append)
    with pytest.raises(RunInProgressError, match="still at work"):
        RunLock(asia).acquire("forecast", lines.append)
    assert [line for line in lines if "waiting for its end" in line]
    with pytest.raises(RunInProgressError, match="is cancelled"):
        RunLock(whole).acquire("forecast", lines.append)
    busy.release()
    RunLock(asia).acquire("forecast", lines.append)


def test_the_page_of_a_night_has_every_ticker_that_the_night_forecast(folder: Path) -> None:
    """That of a market that never closes is forecast from the day before: its day is not over."""
    settings = settings_in(folder)
    made = RunDriver(settings)
    made.open()
    coin = replace(made.plan, recorded=None, started_at=datetime(2025, 6, 13, 23, 0, tzinfo=UTC))
    made.run = replace(made.run, plan=replace(coin, asked=None))
    all_steps(made)
    page = steps.write_run_report(made.run).read_text(encoding="utf-8")
    made.close("completed", {})
    last = "SELECT ticker, max(as_of), max(target) FROM forecasts GROUP BY 1 ORDER BY 1"
    found = {ticker: days for ticker, *days in fetch(made.warehouse, last)}
    assert found["COIN"] == [date(2025, 6, 12), date(2025, 6, 13)]
    assert found["NYSE"][0] == date(2025, 6, 13)
    assert "<b>5 of 5</b>" in page


def test_an_exchange_on_which_no_ticker_trades_is_refused_before_anything_is_trained(folder: Path) -> None:
    made = RunDriver(settings_in(folder, forecast_exchanges="XHKG"))
    made.open()
    ingested = made.ingest()
    with pytest.raises(
        UsageError, match=r"no ticker trades on XHKG .* they trade on 24/7, XASX, XLON, XNYS, XTKS"
    ):
        made.resolve_universe(ingested)
    made.release()
    assert fetch(made.warehouse, "FROM models") == []
