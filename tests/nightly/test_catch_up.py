"""Sessions that are forecast late: with the models of their time, and one ticker stops no other."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stockjax.forecasting import ticker_training
from stockjax.forecasting.asof import AsOfData
from stockjax.registry import Model
from tests.support.runs import RunDriver, settings_for, whole_night
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

FIRST, LAST = date(2024, 9, 3), date(2026, 3, 10)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 3, day) for day in (2, 3, 4, 5))
BASES = "SELECT trained_through FROM models WHERE role = 'base' ORDER BY 1"
OWN = """SELECT ticker, trained_through, status FROM models
    WHERE role = 'ticker' AND NOT replayed ORDER BY 1, 2"""
SPEAKER = """SELECT models.role, models.ticker, models.trained_through, forecasts.origin
    FROM forecasts JOIN models USING (model_id)
    WHERE forecasts.ticker = $ticker AND forecasts.as_of = $as_of"""


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with YahooServer() as vendor:
        for number, ticker in enumerate(("AAA", "BBB")):
            vendor.listings[ticker] = made_up_listing(number, FIRST, LAST)
        yield vendor


def rows(night: RunDriver, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with night.warehouse.read() as connection:
        return connection.execute(sql, parameters).fetchall()


def test_a_ticker_whose_training_fails_in_a_missed_night_is_forecast_from_the_model_before(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB", history={"training_sessions": 320})
    server.set_today(MONDAY)
    night, *_ = whole_night(settings, MONDAY)
    assert rows(night, OWN) == [("AAA", MONDAY, "champion"), ("BBB", MONDAY, "champion")]
    train = ticker_training.train_ticker_model

    def fail_for_one(asof: AsOfData, ticker: str, *rest: Any) -> Model:
        if (ticker, asof.as_of) == ("AAA", TUESDAY):
            raise FloatingPointError("the loss is no number")
        return train(asof, ticker, *rest)

    monkeypatch.setattr(ticker_training, "train_ticker_model", fail_for_one)
    server.set_today(WEDNESDAY)
    said: list[str] = []
    night, *_, outcome = whole_night(settings, WEDNESDAY, said)
    assert outcome.forecast == 2
    assert [line for line in said if "training" in line] == [
        "AAA: training failed (the loss is no number), forecast from the model before it"
    ]
    assert rows(night, SPEAKER, ticker="AAA", as_of=TUESDAY) == [("ticker", "AAA", MONDAY, "catchup")]
    assert rows(night, SPEAKER, ticker="BBB", as_of=TUESDAY) == [("ticker", "BBB", TUESDAY, "catchup")]
    # The next session trains it again, from the one model that it has.
    for ticker in ("AAA", "BBB"):
        assert rows(night, SPEAKER, ticker=ticker, as_of=WEDNESDAY) == [
            ("ticker", ticker, WEDNESDAY, "nightly")
        ]
    parents = """SELECT own.ticker, parent.trained_through
        FROM models AS own JOIN models AS parent ON own.parent_id = parent.model_id
        WHERE own.status = 'champion' AND own.role = 'ticker' ORDER BY 1"""
    assert rows(night, parents) == [("AAA", MONDAY), ("BBB", TUESDAY)]
    assert rows(night, "SELECT as_of, count(*) FROM forecasts GROUP BY 1 ORDER BY 1") == [
        (MONDAY, 8),
        (TUESDAY, 8),
        (WEDNESDAY, 8),
    ]


def test_a_ticker_that_never_had_a_model_of_its_own_falls_back_to_the_base(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(server, tmp_path, "AAA", history={"training_sessions": 320})

    def fail(*_: Any) -> Model:
        raise FloatingPointError("the loss is no number")

    monkeypatch.setattr(ticker_training, "train_ticker_model", fail)
    for evening in (MONDAY, WEDNESDAY):
        server.set_today(evening)
        night, *_ = whole_night(settings, evening)
    assert rows(night, OWN) == []
    origins = {MONDAY: "nightly", TUESDAY: "catchup", WEDNESDAY: "nightly"}
    for session, origin in origins.items():
        assert rows(night, SPEAKER, ticker="AAA", as_of=session) == [("base", None, MONDAY, origin)]


def test_late_rows_of_an_earlier_session_are_forecast_by_the_base_of_that_time(
    server: YahooServer, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path, "AAA", "BBB", retrain={"base_every": 1, "base_tolerance": 9})
    listing = server.listings["BBB"]
    whole = listing.prices.copy()
    here = listing.prices["session"] == pd.Timestamp(TUESDAY)
    listing.prices.loc[here, ["open", "high", "low", "close"]] = float("nan")
    nights = [MONDAY, TUESDAY, WEDNESDAY]
    for evening in nights:
        server.set_today(evening)
        night, *_ = whole_night(settings, evening)
    assert rows(night, BASES) == [(evening,) for evening in nights]
    assert rows(night, SPEAKER, ticker="BBB", as_of=TUESDAY) == []
    before = rows(night, "SELECT * FROM forecasts ORDER BY ALL")
    listing.prices = whole
    server.set_today(THURSDAY)
    night, *_ = whole_night(settings, THURSDAY)
    assert rows(night, SPEAKER, ticker="BBB", as_of=TUESDAY) == [("base", None, TUESDAY, "catchup")]
    # Thursday has a base of its own; for the sake of Tuesday none was trained.
    assert rows(night, BASES) == [(evening,) for evening in (*nights, THURSDAY)]
    fresh = rows(
        night,
        "SELECT DISTINCT ticker, as_of FROM forecasts WHERE run_id = $run ORDER BY 1, 2",
        run=night.plan.run_id,
    )
    assert fresh == [("AAA", THURSDAY), ("BBB", TUESDAY), ("BBB", THURSDAY)]
    others = "SELECT * FROM forecasts WHERE run_id <> $run ORDER BY ALL"
    assert rows(night, others, run=night.plan.run_id) == before
