"""Runs whose base learns from more tickers than are forecast."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stockjax.forecasting.ledger_rows import MODELS
from stockjax.nightly import RunResult
from stockjax.nightly.backtest import backtest
from stockjax.settings import load_settings
from tests.support.runs import SMALL, RunDriver, settings_for, whole_night
from tests.support.synthetic import NEW_YORK
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

SAMPLE = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
LAST = date(2013, 3, 1)
PREDICTED = ["predicted_return", "scale", "q05", "q25", "q50", "q75", "q95"]


@dataclass(frozen=True)
class Done:
    """A night on the sample, and then a backtest, both of MSFT alone."""

    night: RunDriver
    outcome: RunResult
    lines: list[str]
    backtested: tuple[int, int]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.night.warehouse.read() as connection:
            return connection.execute(sql).fetchall()

    def forecasts_of(self, model: str) -> pd.DataFrame:
        with self.night.warehouse.read() as connection:
            return connection.execute(
                "FROM forecasts WHERE model = $model ORDER BY origin, as_of", {"model": model}
            ).df()


def done(folder: Path, base: Mapping[str, Any]) -> Done:
    settings = load_settings(
        warehouse=folder, tickers=("MSFT",), base=base, training=SMALL, warmup={"sessions": 2}, workers=1
    )
    lines: list[str] = []
    night, _, _, outcome = whole_night(settings, LAST, lines)
    again = RunDriver(settings, None, lines.append)
    again.open("backtest")
    first, last = NEW_YORK.sessions(date(2013, 2, 20), date(2013, 2, 21)).tolist()
    (progress,) = backtest(again, again.resolve_universe(again.ingest()), first, last)
    again.close("completed", {})
    return Done(night, outcome, lines, (progress.done, progress.of))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return done(tmp_path_factory.mktemp("alone"), {})


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return done(tmp_path_factory.mktemp("wider"), {"tickers": ("*",)})


def test_the_prices_of_all_are_stored(alone: Done, wider: Done) -> None:
    stored = "SELECT DISTINCT ticker FROM prices ORDER BY 1"
    assert [row[0] for row in wider.rows(stored)] == list(SAMPLE)
    assert [row[0] for row in alone.rows(stored)] == ["MSFT"]
    assert "1 ticker and 4 for the base from 'sample', as of 2013-03-01" in wider.lines
    assert "1 ticker from 'sample', as of 2013-03-01" in alone.lines


def test_every_base_learns_from_all_of_them(alone: Done, wider: Done) -> None:
    """Those of the night, of its replay and of the backtest."""
    bases = """SELECT trained_through, CAST(json_extract(hyperparameters, '$.tickers') AS INTEGER)
        FROM models WHERE role = 'base' ORDER BY 1"""
    days = [date(2013, 2, 20), date(2013, 2, 27), LAST]
    assert wider.rows(bases) == [(day, len(SAMPLE)) for day in days]
    assert alone.rows(bases) == [(day, 1) for day in days]


def test_only_what_was_asked_for_is_trained_forecast_and_judged(wider: Done) -> None:
    assert wider.rows("SELECT DISTINCT ticker FROM models WHERE role = 'ticker'") == [("MSFT",)]
    assert wider.rows("SELECT ticker, state FROM tickers") == [("MSFT", "active")]
    assert wider.rows("SELECT DISTINCT ticker FROM rolling_metrics") == [("MSFT",)]
    assert wider.outcome.tickers == {"MSFT"}
    assert wider.outcome.message == "1 of 1 tickers forecast for 2013-03-04"
    assert wider.backtested == (2, 2)
    found = wider.rows("SELECT ticker, origin, as_of, count(*) FROM forecasts GROUP BY ALL ORDER BY as_of")
    assert found == [
        ("MSFT", origin, day, len(MODELS))
        for origin, day in (
            ("backtest", date(2013, 2, 20)),
            ("backtest", date(2013, 2, 21)),
            ("backtest", date(2013, 2, 27)),
            ("backtest", date(2013, 2, 28)),
            ("nightly", LAST),
        )
    ]


def test_a_wider_base_forecasts_otherwise_and_baselines_do_not(alone: Done, wider: Done) -> None:
    keys = ["ticker", "as_of", "target", "origin", "basis_close", "data_hash"]
    one, other = alone.forecasts_of("lstm"), wider.forecasts_of("lstm")
    pd.testing.assert_frame_equal(one[keys], other[keys], check_exact=True)
    # On the night, in the replay and in the backtest.
    assert (one[PREDICTED] != other[PREDICTED]).to_numpy().all()
    for model in set(MODELS) - {"lstm"}:
        pd.testing.assert_frame_equal(
            alone.forecasts_of(model)[keys + PREDICTED],
            wider.forecasts_of(model)[keys + PREDICTED],
            check_exact=True,
        )


def test_the_exchange_of_a_ticker_for_the_base_decides_nothing_about_the_night(tmp_path: Path) -> None:
    friday = date(2026, 3, 6)
    with YahooServer() as server:
        server.listings["AAA"] = made_up_listing(0, date(2025, 5, 1), friday)
        # It never closes: its bar of the 6th is under way, and it is about the 6th.
        server.listings["BTC-USD"] = made_up_listing(4, date(2025, 5, 1), friday, "24/7")
        server.set_today(friday)
        settings = settings_for(server, tmp_path, "AAA", base={"tickers": ("BTC-USD",)})
        night, _, universe, outcome = whole_night(settings, friday)
    assert set(universe.exchanges) == {"AAA", "BTC-USD"}
    assert night.plan.as_of == friday
    assert outcome.targets == (date(2026, 3, 9),)
    assert outcome.message == "1 of 1 tickers forecast for 2026-03-09"


def test_a_ticker_for_the_base_that_cannot_be_had_stops_nothing_and_is_reported(tmp_path: Path) -> None:
    friday = date(2026, 3, 6)
    lines: list[str] = []
    with YahooServer() as server:
        server.listings["AAA"] = made_up_listing(0, date(2025, 5, 1), friday)
        server.set_today(friday)
        settings = settings_for(
            server, tmp_path, "AAA", base={"tickers": ("NOSUCH",)}, warmup={"sessions": 1}
        )
        night, *_, outcome = whole_night(settings, friday, lines)
    assert outcome.message.startswith("1 of 1 tickers forecast for 2026-03-09")
    assert any("NOSUCH" in line and "check the symbol" in line for line in lines)
    with night.warehouse.read() as connection:
        found = connection.execute("SELECT DISTINCT ticker FROM forecasts").fetchall()
    assert found == [("AAA",)]
