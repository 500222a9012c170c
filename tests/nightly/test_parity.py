"""What is backtested is what runs at night: the same policy gives the same forecasts, models and scores.

On the way a base is rejected, one expires, an alarm of drift makes trainings due, new bases are trained and a
ticker is delisted; all of that is asserted, so that the comparison is about something.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stockjax.engine import training_step
from stockjax.forecasting.asof import AsOfData
from stockjax.nightly.backtest import backtest
from stockjax.registry import Model
from stockjax.settings import Settings, load_settings
from stockjax.warehouse import Warehouse
from tests.support.runs import SMALL, RunDriver, all_steps, worse
from tests.support.synthetic import NEW_YORK, price_frame

COUNT = int(os.environ.get("PARITY_SESSIONS", "11"))
"""Consecutive sessions; `make soak` asks for more."""
TICKERS = ("A", "B", "C", "D")
DAYS = NEW_YORK.sessions(date(2011, 9, 1), date(2013, 3, 1))
NIGHTS: list[date] = DAYS[-COUNT - 1 : -1].tolist()
ENDS = NIGHTS[6]
"""The last session of D."""
SPOILT = NIGHTS[2:6]
"""Sessions whose new bases are bad ones."""
FORECASTS = """SELECT * EXCLUDE (origin, run_id, created_at, prices_fetched) FROM forecasts
    WHERE as_of >= ? ORDER BY ALL"""
MODELS = """SELECT * EXCLUDE (run_id, trained_at, path, sha256, slice_sha256, replayed, status, purged_at),
        coalesce(slice_sha256, sha256) AS parameters,
        CASE WHEN status IN ('champion', 'retired') THEN 'accepted' ELSE status END AS fate
    FROM models ORDER BY ALL"""
CHANGES = "SELECT * EXCLUDE (run_id, changed_at) FROM model_changes ORDER BY change"
SCORES = "SELECT * EXCLUDE (origin) FROM rolling_metrics ORDER BY ALL"


@dataclass
class World:
    """A file of prices, nights that see it grow, and a backtest that sees all of it."""

    folder: Path

    def prices(self) -> pd.DataFrame:
        frames = []
        for seed, ticker in enumerate(TICKERS):
            frame = price_frame(ticker, DAYS, seed)
            # From the first night on all move five times as far: the scale drifts.
            calm = frame["session"] <= pd.Timestamp(NIGHTS[0])
            for name in ("open", "high", "low", "close", "adj_close"):
                start = frame.loc[calm, "close" if name != "adj_close" else name].iloc[-1]
                frame.loc[~calm, name] = start * (frame.loc[~calm, name] / start) ** 5
            frames.append(frame)
        table = pd.concat(frames)
        return table[(table["ticker"] != "D") | (table["session"] <= pd.Timestamp(ENDS))]

    def settings(self, name: str) -> Settings:
        return load_settings(
            source="files",
            path=self.folder / f"{name}.csv",
            warehouse=self.folder / name,
            tickers=TICKERS,
            training=SMALL,
            workers=2,
            warmup={"sessions": 0},
            history={"training_sessions": 320, "stale_sessions": 2, "delisted_sessions": 3},
            retrain={
                "base_every": 3,
                "base_retry": 3,
                "base_expiry": 5,
                "ticker_every": 2,
                "ticker_expiry": 9,
            },
            backtest={"ticker_every": 2},
            drift={"average_run_length": 20, "min_observations": 2},
        )

    def write(self, name: str, until: date) -> None:
        known = self.prices()
        known = known[known["session"] <= pd.Timestamp(until)].rename(columns={"session": "date"})
        known.to_csv(self.folder / f"{name}.csv", index=False)

    def nights(self) -> list[str]:
        lines: list[str] = []
        for day in [*NIGHTS, NEW_YORK.next_session(NIGHTS[-1])]:
            self.write("nights", day)
            night = RunDriver(self.settings("nights"), None, lines.append)
            night.open()
            if day in NIGHTS:
                *_, outcome = all_steps(night)
                night.close("completed", outcome.summary())
            else:
                # The last outcome, so that both are scored alike.
                night.ingest()
                night.score()
                night.close("completed", {})
        return lines

    def backtest(self) -> list[str]:
        lines: list[str] = []
        self.write("backtest", NEW_YORK.next_session(NIGHTS[-1]))
        night = RunDriver(self.settings("backtest"), None, lines.append, until=NIGHTS[-1])
        night.open("backtest")
        universe = night.resolve_universe(night.ingest())
        list(backtest(night, universe, NIGHTS[0], NIGHTS[-1]))
        night.score()
        night.close("completed", {})
        # The run that knows the outcome of the last session.
        night = RunDriver(self.settings("backtest"), None, lines.append)
        night.open("backtest")
        night.ingest()
        night.score()
        night.close("completed", {})
        return lines

    def rows(self, name: str, sql: str, *parameters: Any) -> pd.DataFrame:
        with Warehouse(self.folder / name).read() as connection:
            return connection.execute(sql, list(parameters)).df()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("parity"))
    train = training_step.train_base_model

    def spoilt_once(asof: AsOfData, *rest: Any) -> Model:
        base = train(asof, *rest)
        return worse(base) if asof.as_of in SPOILT else base

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_step, "train_base_model", spoilt_once)
        made.lines = made.nights()  # type: ignore[attr-defined]
        made.backtest()
    yield made


def test_everything_happened_that_can(world: World) -> None:
    lines: list[str] = world.lines  # type: ignore[attr-defined]
    statuses = world.rows("nights", "SELECT status FROM models WHERE role = 'base' ORDER BY trained_through")
    assert "rejected" in set(statuses["status"])
    assert len(statuses) >= 4
    assert any("sessions old and skipped" in line and "base" in line for line in lines)
    alarms = world.rows("nights", "SELECT monitor FROM drift WHERE alarm AND monitor <> 'input'")
    assert len(alarms)
    states = world.rows("nights", "SELECT state FROM tickers WHERE ticker = 'D'")
    assert states["state"].tolist() == ["delisted"]
    last = world.rows("nights", "SELECT max(as_of) AS last FROM forecasts WHERE ticker = 'D'")
    assert last["last"].dt.date.tolist() == [ENDS]


@pytest.mark.parametrize(
    ("sql", "least"), [(FORECASTS, 4 * 3 * COUNT), (MODELS, 10), (CHANGES, 20), (SCORES, 4 * 3 * 3)]
)
def test_the_backtest_equals_the_nights(world: World, sql: str, least: int) -> None:
    asked = [NIGHTS[0]] if "?" in sql else []
    nights = world.rows("nights", sql, *asked)
    tested = world.rows("backtest", sql.replace("model_changes", "backtest_model_changes"), *asked)
    assert len(nights) >= least
    pd.testing.assert_frame_equal(tested, nights, check_exact=True)


def test_a_backtest_touches_neither_the_registry_nor_the_monitors(world: World) -> None:
    for table in ("drift", "drift_state", "model_changes", "champions"):
        assert not len(world.rows("backtest", f"FROM {table}")), table
        assert len(world.rows("nights", f"FROM {table}")), table
