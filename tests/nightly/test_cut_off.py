"""A first night whose replay was cut off, and what the next run makes of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stockjax.nightly import stored_walk
from stockjax.nightly.run_writer import RunWriter
from stockjax.settings import Settings, load_settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.forecast_inputs import ForecastInputs
from tests.support.runs import SMALL, RunDriver, forecast_all
from tests.support.warehouse_rows import fetch

REPLAYED = """SELECT * EXCLUDE (run_id, created_at) FROM forecasts WHERE origin = 'backtest' ORDER BY ALL"""


def settings(folder: Path) -> Settings:
    """Three stretches of two sessions, each going on from the models of the one before."""
    return load_settings(
        warehouse=folder,
        tickers=("FB", "IBM"),
        training=SMALL,
        warmup={"sessions": 6, "ticker_every": 2},
        workers=1,
    )


def first_night(folder: Path) -> list[tuple[Any, ...]]:
    """What a first night replays, after it has forecast; a second one has nothing else to do."""
    night = RunDriver(settings(folder))
    night.open()
    try:
        universe = night.resolve_universe(night.ingest())
        forecast_all(night, universe)
        night.warm_up(universe)
        return fetch(night.warehouse, REPLAYED)
    finally:
        night.close("completed", {})


@pytest.fixture(scope="module", autouse=True)
def _written_two_sessions_at_a_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_walk, "CHUNK_SESSIONS", 2)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The replay of a night that nothing has disturbed."""
    return first_night(tmp_path_factory.mktemp("whole") / "warehouse")


@pytest.mark.parametrize("stretches", [0, 1, 2])
def test_a_backtest_that_was_cut_off_goes_on_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[tuple[Any, ...]], stretches: int
) -> None:
    written: list[int] = []
    append = RunWriter.forecasts

    def cut_off(self: RunWriter, rows: pd.DataFrame, inputs: ForecastInputs) -> int:
        if rows["origin"].ne("backtest").all():
            return append(self, rows, inputs)
        if len(written) == stretches:
            raise RuntimeError("power cut")
        written.append(append(self, rows, inputs))
        return written[-1]

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "forecasts", cut_off)
        with pytest.raises(RuntimeError, match="power cut"):
            first_night(tmp_path)
    assert len(whole) == 2 * 4 * 6
    tonight = "SELECT ticker, count(*) FROM forecasts WHERE origin = 'nightly' GROUP BY ALL ORDER BY 1"
    assert fetch(Warehouse(tmp_path), tonight) == [("FB", 4), ("IBM", 4)]
    assert sum(written) == stretches * len(whole) // 3
    assert first_night(tmp_path) == whole


def test_a_backtest_that_is_complete_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[tuple[Any, ...]]
) -> None:
    assert first_night(tmp_path) == whole

    def never(*_: object) -> None:
        raise AssertionError("everything is there")

    monkeypatch.setattr(RunWriter, "models", never)
    monkeypatch.setattr(RunWriter, "forecasts", never)
    assert first_night(tmp_path) == whole
