"""Nights that were missed are caught up, and it makes no difference but for the origin."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from stockjax.engine import StepResult
from stockjax.engine.due_sessions import DueSession
from stockjax.nightly import RunResult, Universe
from stockjax.nightly.backtest import backtest
from stockjax.settings import Settings, load_settings
from tests.support.runs import SMALL, RunDriver, all_steps
from tests.support.synthetic import NEW_YORK

NIGHTS = NEW_YORK.sessions(date(2013, 2, 25), date(2013, 3, 1)).tolist()
"""The session of a first night, and the four after it."""
WITHOUT_NAMES = (
    "SELECT * EXCLUDE (origin, run_id, created_at, prices_fetched) FROM forecasts WHERE {} ORDER BY ALL"
)
BY_SESSION = """SELECT as_of, origin, count(*) FROM forecasts
    WHERE as_of >= DATE '2013-02-25' GROUP BY ALL ORDER BY ALL"""
USUAL: dict[str, Any] = {
    "training": SMALL,
    "workers": 1,
    "warmup": {"sessions": 5},
    "retrain": {"base_every": 3},
}


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "snapshot.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def whole(settings: Settings, as_of: date | None = None) -> RunResult:
    """A night as the flow goes through it."""
    night = RunDriver(settings, as_of)
    night.open()
    try:
        *_, outcome = all_steps(night)
    except BaseException:
        night.close("failed", {})
        raise
    night.close("completed", outcome.summary())
    return outcome


class Vendor:
    """A file that grows by a session each day, and nights that read it."""

    def __init__(self, prices: pd.DataFrame, folder: Path) -> None:
        self.prices = prices
        self.file = folder / "prices.csv"

    def night(self, folder: Path, session: date, **changes: Any) -> RunResult:
        """A night at the close of a session."""
        known = self.prices[self.prices["session"] <= pd.Timestamp(session)]
        known.to_csv(self.file, index=False)
        return whole(load_settings(source="files", path=self.file, warehouse=folder, **(USUAL | changes)))


@pytest.fixture(scope="module")
def three(sample_prices: pd.DataFrame) -> pd.DataFrame:
    """Two tickers that have networks of their own, and one that has not."""
    recent = sample_prices["session"] >= pd.Timestamp("2010-06-01")
    return sample_prices[sample_prices["ticker"].isin(["FB", "IBM", "MSFT"]) & recent]


@pytest.fixture
def vendor(three: pd.DataFrame, tmp_path: Path) -> Vendor:
    return Vendor(three, tmp_path)


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory, three: pd.DataFrame) -> Path:
    """The warehouse of a night at the first of the sessions; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("first")
    Vendor(three, folder).night(folder / "warehouse", NIGHTS[0])
    return folder / "warehouse"


@pytest.fixture(scope="module")
def every_night(tmp_path_factory: pytest.TempPathFactory, three: pd.DataFrame, first_night: Path) -> Path:
    """The warehouse of someone who missed none."""
    folder = tmp_path_factory.mktemp("every")
    shutil.copytree(first_night, folder / "warehouse")
    for session in NIGHTS[1:]:
        Vendor(three, folder).night(folder / "warehouse", session)
    return folder / "warehouse"


@pytest.fixture
def late(tmp_path: Path, first_night: Path) -> Path:
    """The warehouse of someone who has missed all nights since the first."""
    return shutil.copytree(first_night, tmp_path / "warehouse")


def test_what_is_caught_up_is_what_the_nights_would_have_written(
    vendor: Vendor, late: Path, every_night: Path
) -> None:
    outcome = vendor.night(late, NIGHTS[-1])
    assert outcome.message == "3 of 3 tickers forecast for 2013-03-04; 3 missed session(s) caught up"
    # Three tickers and four models each, once for every session.
    assert rows(every_night, BY_SESSION) == [(day, "nightly", 12) for day in NIGHTS]
    assert rows(late, BY_SESSION) == [
        (day, "nightly" if day in (NIGHTS[0], NIGHTS[-1]) else "catchup", 12) for day in NIGHTS
    ]
    for when in ("as_of < DATE '2013-02-26'", "as_of >= DATE '2013-02-26'"):
        expected = rows(every_night, WITHOUT_NAMES.format(when))
        assert rows(late, WITHOUT_NAMES.format(when)) == expected
        assert len(expected) == (12 * 6 if "<" in when else 12 * 4)
    # No night had fetched the prices in time, and the rows say so.
    fetched = (
        "SELECT DISTINCT as_of, prices_fetched FROM forecasts WHERE prices_fetched IS NOT NULL ORDER BY 1"
    )
    assert rows(late, fetched) == [(day, NIGHTS[-1]) for day in NIGHTS[1:-1]]
    assert rows(every_night, fetched) == []
    models = """SELECT model_id, ticker, role, status, trained_through, sha256, parent_id, data_hash
        FROM models ORDER BY ALL"""
    assert rows(late, models) == rows(every_night, models)
    bases = """SELECT trained_through FROM models
        WHERE role = 'base' AND trained_through >= DATE '2013-02-25' ORDER BY 1"""
    assert rows(late, bases) == [(NIGHTS[0],), (NIGHTS[3],)]
    states = "SELECT * EXCLUDE (run_id, updated_at) FROM tickers ORDER BY ticker"
    assert rows(late, states) == rows(every_night, states)


def test_a_run_that_is_cut_off_while_it_catches_up_is_completed_by_the_next(
    vendor: Vendor, late: Path, every_night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecast: Callable[..., StepResult | None] = RunDriver.forecast

    def fail_at_the_third(self: RunDriver, universe: Universe, due: DueSession) -> StepResult | None:
        if due.session == NIGHTS[3]:
            raise RuntimeError("power cut")
        return forecast(self, universe, due)

    with monkeypatch.context() as patch:
        patch.setattr(RunDriver, "forecast", fail_at_the_third)
        with pytest.raises(RuntimeError, match="power cut"):
            vendor.night(late, NIGHTS[-1])
    done = [(NIGHTS[0], "nightly", 12), (NIGHTS[1], "catchup", 12), (NIGHTS[2], "catchup", 12)]
    assert rows(late, BY_SESSION) == done
    outcome = vendor.night(late, NIGHTS[-1])
    assert outcome.message == "3 of 3 tickers forecast for 2013-03-04; 1 missed session(s) caught up"
    assert rows(late, BY_SESSION) == [
        *done,
        *[(day, "catchup", 12) for day in NIGHTS[3:-1]],
        (NIGHTS[-1], "nightly", 12),
    ]
    assert rows(late, WITHOUT_NAMES.format(True)) == rows(every_night, WITHOUT_NAMES.format(True))
    statuses = [row[0] for row in rows(late, "SELECT status FROM runs ORDER BY started_at")]
    assert statuses == ["completed", "failed", "completed"]


class Restless(Vendor):
    """A file in which a bar is a spike that comes back, and a close is restated in between."""

    def write(self, session: date) -> None:
        known = self.prices[self.prices["session"] <= pd.Timestamp(session)].copy()
        spike = (known["ticker"] == "MSFT") & (known["session"] == pd.Timestamp(NIGHTS[2]))
        known.loc[spike, ["open", "high", "low", "close", "adj_close"]] *= 5.0
        if session >= NIGHTS[3]:
            restated = (known["ticker"] == "IBM") & (known["session"] == pd.Timestamp(NIGHTS[1]))
            known.loc[restated, ["high", "close", "adj_close"]] *= 1.01
        known.to_csv(self.file, index=False)

    def settings(self, folder: Path) -> Settings:
        return load_settings(source="files", path=self.file, warehouse=folder, **USUAL)

    def whole_night(self, folder: Path, session: date) -> RunResult:
        self.write(session)
        return whole(self.settings(folder))

    def ingest_only(self, folder: Path, session: date) -> None:
        """A night that is killed after its ingest."""
        self.write(session)
        night = RunDriver(self.settings(folder))
        night.open()
        night.ingest()
        night.close("failed", {})


def test_nights_whose_forecasts_were_killed_are_caught_up_with_the_prices_of_their_sessions(
    three: pd.DataFrame, tmp_path: Path, first_night: Path
) -> None:
    every, late = (shutil.copytree(first_night, tmp_path / name) for name in ("every", "late"))
    vendor = Restless(three, tmp_path)
    for session in NIGHTS[1:]:
        vendor.whole_night(every, session)
    for session in NIGHTS[1:-1]:
        vendor.ingest_only(late, session)
    outcome = vendor.whole_night(late, NIGHTS[-1])
    assert "3 missed session(s) caught up" in outcome.message
    reasons = "SELECT reason, count(*) FROM price_revisions GROUP BY ALL ORDER BY ALL"
    assert rows(late, reasons) == rows(every, reasons) == [("disproved", 1), ("restatement", 1)]
    compared = "SELECT * EXCLUDE (origin, run_id, created_at) FROM forecasts ORDER BY ALL"
    expected = rows(every, compared)
    assert rows(late, compared) == expected
    from_the_spike = """SELECT basis_close / (SELECT close FROM price_revisions WHERE reason = 'disproved')
        FROM forecasts WHERE ticker = 'MSFT' AND as_of = DATE '{}' AND model = 'lstm'"""
    assert rows(late, from_the_spike.format(NIGHTS[2])) == [(1.0,)]
    models = "SELECT model_id, status, sha256, trained_through FROM models ORDER BY ALL"
    assert rows(late, models) == rows(every, models)
    changes = (
        """SELECT model_id, role, ticker, previous, status, since, cause FROM model_changes ORDER BY ALL"""
    )
    assert rows(late, changes) == rows(every, changes)


def test_a_backtest_of_prices_that_came_at_once_knows_a_spike_until_the_next_bar(
    three: pd.DataFrame, tmp_path: Path
) -> None:
    """What the nights forecast from the spike, a backtest forecasts from it, too."""
    vendor = Restless(three, tmp_path)
    vendor.write(NIGHTS[-1])
    settings = vendor.settings(tmp_path / "warehouse")
    night = RunDriver(settings)
    night.open("backtest")
    universe = night.resolve_universe(night.ingest())
    list(backtest(night, universe, NIGHTS[1], NIGHTS[-1]))
    night.close("completed", {})
    basis = """SELECT as_of, basis_close FROM forecasts
        WHERE ticker = 'MSFT' AND model = 'lstm' ORDER BY as_of"""
    found = dict(rows(tmp_path / "warehouse", basis))
    own = three[three["ticker"] == "MSFT"].set_index("session")["close"]
    factors = [found[day] / own[pd.Timestamp(day)] for day in NIGHTS[1:]]
    assert factors == pytest.approx([1.0, 5.0, 1.0, 1.0])
    kept = "SELECT reason, known_from, known_until FROM price_revisions"
    assert rows(tmp_path / "warehouse", kept) == [("disproved", NIGHTS[-1], NIGHTS[3])]
    assert rows(
        tmp_path / "warehouse",
        f"SELECT count(*) FROM prices WHERE ticker = 'MSFT' AND session = DATE '{NIGHTS[2]}'",
    ) == [(0,)]


def test_no_more_nights_are_caught_up_than_the_settings_say_and_backtests_fill_the_rest(
    vendor: Vendor, late: Path
) -> None:
    outcome = vendor.night(late, NIGHTS[-1], catch_up={"sessions": 2})
    assert "2 missed session(s) caught up" in outcome.message
    origins = ["nightly", "backtest", "catchup", "catchup", "nightly"]
    assert rows(late, BY_SESSION) == [(day, origin, 12) for day, origin in zip(NIGHTS, origins, strict=True)]


def sample(folder: Path, as_of: date | None, *tickers: str) -> RunResult:
    """A night on the sample, without a replay."""
    changes = {"warmup": {"sessions": 0}, "tickers": tickers}
    return whole(load_settings(warehouse=folder, **(USUAL | changes)), as_of)


def test_a_night_of_the_past_next_to_later_prices_is_no_live_one(tmp_path: Path) -> None:
    sample(tmp_path, None, "IBM")
    sample(tmp_path, date(2013, 1, 15), "IBM")
    found = rows(
        tmp_path, "SELECT DISTINCT as_of, origin FROM forecasts WHERE origin <> 'backtest' ORDER BY 1"
    )
    assert found == [(date(2013, 1, 15), "catchup"), (date(2013, 3, 1), "nightly")]


def test_a_run_of_the_past_takes_nothing_from_what_is_known_later(vendor: Vendor, late: Path) -> None:
    """With an accepted history left in the settings: later rows stay, and nothing is fetched again."""
    vendor.night(late, NIGHTS[-1])
    prices = rows(late, "SELECT * FROM prices ORDER BY ALL")
    settings = load_settings(
        source="files", path=vendor.file, warehouse=late, history={"accept": ["IBM", "MSFT"]}, **USUAL
    )
    outcome = whole(settings, NIGHTS[2])
    assert outcome.message.startswith("3 of 3 tickers forecast for")
    assert rows(late, "SELECT * FROM prices ORDER BY ALL") == prices
    assert rows(late, "SELECT count(*) FROM price_revisions") == [(0,)]


def test_the_next_night_retrains_from_the_champion(tmp_path: Path) -> None:
    for day in NIGHTS[-2:]:
        sample(tmp_path, day, "IBM", "MSFT")
    found = rows(
        tmp_path,
        """SELECT child.ticker, parent.trained_through, parent.status
           FROM models AS child JOIN models AS parent ON child.parent_id = parent.model_id
           WHERE child.status = 'champion' AND child.role = 'ticker' ORDER BY 1""",
    )
    assert found == [(ticker, date(2013, 2, 28), "retired") for ticker in ("IBM", "MSFT")]
    assert rows(tmp_path, "SELECT count(*) FROM forecasts WHERE origin = 'nightly'") == [(16,)]
