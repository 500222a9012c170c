"""Walking forward through the sample: whole, cut off, next to nights, and never looking ahead."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import NothingToForecastError, UsageError
from stockjax.features import PointInTimePrices
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.nightly import Universe, stored_walk
from stockjax.nightly.backtest import BacktestProgress, backtest
from stockjax.nightly.run_writer import RunWriter, read_state
from stockjax.settings import Settings, load_settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.forecast_inputs import ForecastInputs
from tests.support.runs import SMALL, RunDriver, forecast_from
from tests.support.synthetic import NEW_YORK, PRICES

TICKERS = ("FB", "IBM", "MSFT")
FIRST, LAST = date(2013, 2, 20), date(2013, 2, 28)
DAYS = NEW_YORK.sessions(FIRST, LAST).tolist()
PER_DAY = len(TICKERS) * len(MODELS)
LEDGER = "SELECT * EXCLUDE (run_id, created_at) FROM forecasts {} ORDER BY ticker, as_of, model, origin"
REGISTRY = """SELECT model_id, ticker, role, status, replayed, trained_through, sha256, parent_id, data_hash
    FROM models ORDER BY model_id"""


def settings_in(folder: Path, **changes: Any) -> Settings:
    usual = {
        "warmup": {"sessions": 0},
        "backtest": {"ticker_every": 2},
        "retrain": {"base_every": 4, "base_tolerance": 9, "ticker_tolerance": 9},
    }
    return load_settings(
        source="sample",
        warehouse=folder,
        tickers=TICKERS,
        workers=2,
        **({"training": SMALL} | usual | changes),
    )


def begun(folder: Path, until: date | None = None, **changes: Any) -> tuple[RunDriver, Universe]:
    """A new run, as far as the survey."""
    night = RunDriver(settings_in(folder, **changes), None, lambda line: None, until=until)
    night.open("backtest")
    return night, night.resolve_universe(night.ingest())


def frame(folder: Path, sql: str) -> pd.DataFrame:
    with Warehouse(folder).read() as connection:
        return connection.execute(sql).df()


def ledger(folder: Path, where: str = "") -> pd.DataFrame:
    return frame(folder, LEDGER.format(where))


def assert_same_tables(folder: Path, other: Path) -> None:
    """The same forecasts, from the same models, whatever run has made them."""
    pd.testing.assert_frame_equal(ledger(folder), ledger(other), check_exact=True)
    pd.testing.assert_frame_equal(frame(folder, REGISTRY), frame(other, REGISTRY), check_exact=True)


@pytest.fixture(scope="module", autouse=True)
def _written_two_sessions_at_a_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_walk, "CHUNK_SESSIONS", 2)
        yield


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDriver, Universe]:
    """A run that has looked at the sample and done nothing yet."""
    return begun(tmp_path_factory.mktemp("surveyed") / "warehouse")


@pytest.fixture(scope="module")
def surveyed(idle: tuple[RunDriver, Universe]) -> Path:
    """A warehouse that has the prices of the sample and no forecast; tests work on copies of it."""
    return idle[0].warehouse.folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, surveyed: Path) -> tuple[Path, list[BacktestProgress]]:
    """A backtest in one piece, and what it said."""
    folder = tmp_path_factory.mktemp("whole") / "warehouse"
    shutil.copytree(surveyed, folder)
    return folder, list(backtest(*begun(folder), FIRST, LAST))


@pytest.fixture
def fresh(tmp_path: Path, surveyed: Path) -> Path:
    shutil.copytree(surveyed, tmp_path / "warehouse")
    return tmp_path / "warehouse"


def test_every_session_and_ticker_has_rows_of_all_models(whole: tuple[Path, list[BacktestProgress]]) -> None:
    assert len(DAYS) == 7
    table = ledger(whole[0])
    found = list(zip(table["ticker"], table["as_of"].dt.date, table["model"], strict=True))
    expected = sorted((ticker, day, model) for ticker in TICKERS for day in DAYS for model in MODELS)
    assert sorted(found) == expected
    assert (np.diff(table[["q05", "q25", "q50", "q75", "q95"]].to_numpy(), axis=1) > 0).all()
    assert table.loc[table["model"] == "lstm", "model_id"].notna().all()
    for as_of, target in zip(table["as_of"].dt.date, table["target"].dt.date, strict=True):
        assert target == NEW_YORK.next_session(as_of)


def test_what_other_settings_have_made_is_not_taken_for_ones_own(
    whole: tuple[Path, list[BacktestProgress]],
) -> None:
    night, universe = begun(whole[0], training={**SMALL, "mode": "adapter"})
    with pytest.raises(UsageError, match=r"made with training\.mode = full; give this backtest another"):
        list(backtest(night, universe, FIRST, LAST))
    night.close("failed", {})


def test_a_backtest_writes_nothing_that_looks_like_a_night(
    whole: tuple[Path, list[BacktestProgress]],
) -> None:
    assert set(ledger(whole[0])["origin"]) == {"backtest"}
    models = frame(whole[0], REGISTRY)
    assert models["replayed"].all()
    assert set(models["status"]) == {"retired"}
    night, universe = begun(whole[0])
    assert sorted(universe.due) == list(TICKERS), "tonight is still to be forecast"
    assert universe.due_catch_up == {}, "no night was missed"
    state = read_state(night.warehouse, TICKERS, night.plan.as_of, night.settings)
    assert (state.base, state.tickers, state.unusable) == (None, {}, {})


def test_models_are_trained_as_often_as_the_settings_say(whole: tuple[Path, list[BacktestProgress]]) -> None:
    models = frame(whole[0], REGISTRY)
    trained = sorted(zip(models["trained_through"].dt.date, models["ticker"].fillna("base"), strict=True))
    # FB has too few sessions for a network of its own.
    own = ["IBM", "MSFT"]
    expected = {DAYS[0]: [*own, "base"], DAYS[2]: own, DAYS[4]: [*own, "base"], DAYS[6]: own}
    assert trained == [(day, name) for day, names in expected.items() for name in names]


def test_tickers_are_trained_every_21_sessions_or_as_seldom_as_on_nights(fresh: Path) -> None:
    def every(**changes: Any) -> int:
        return settings_in(fresh, **{"backtest": {}, **changes}).backtest_ticker_every

    assert every() == every(retrain={"ticker_every": 1}) == every(retrain={"ticker_every": 20}) == 21
    assert every(retrain={"ticker_every": 25}) == 25
    assert every(backtest={"ticker_every": 3}, retrain={"ticker_every": 25}) == 3


def test_no_forecast_comes_from_a_model_that_has_seen_more(
    whole: tuple[Path, list[BacktestProgress]],
) -> None:
    found = frame(
        whole[0],
        """SELECT forecasts.ticker, models.ticker AS speaker, as_of, trained_through
           FROM forecasts JOIN models USING (model_id)""",
    )
    assert len(found) == len(TICKERS) * len(DAYS)
    assert (found["trained_through"] <= found["as_of"]).all()
    assert found.loc[found["ticker"] == "FB", "speaker"].isna().all()
    others = found[found["ticker"] != "FB"]
    assert (others["speaker"] == others["ticker"]).all()
    latest = {day: DAYS[number - number % 2] for number, day in enumerate(DAYS)}
    assert [latest[day] for day in others["as_of"].dt.date] == others["trained_through"].dt.date.tolist()


def test_progress_counts_what_is_done_and_says_how_long_it_takes(
    whole: tuple[Path, list[BacktestProgress]],
) -> None:
    lines = whole[1]
    assert [(one.through, one.done, one.of) for one in lines] == [
        (DAYS[1], 6, 21),
        (DAYS[3], 12, 21),
        (DAYS[5], 18, 21),
        (DAYS[6], 21, 21),
    ]
    left = [one.seconds_left for one in lines]
    assert all(seconds is not None and seconds > 0 for seconds in left[:-1])
    assert left[-1] == 0


def test_progress_is_one_line_for_people() -> None:
    assert BacktestProgress(LAST, 6, 21, None).line == "through 2013-02-28: 6 of 21 ticker sessions"
    assert BacktestProgress(LAST, 6, 21, 90.0).line == (
        "through 2013-02-28: 6 of 21 ticker sessions, about 1.5 min left"
    )


def test_a_second_run_writes_nothing(whole: tuple[Path, list[BacktestProgress]], tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    shutil.copytree(whole[0], folder)
    everything = ("FROM forecasts ORDER BY ALL", "SELECT * FROM models ORDER BY ALL")
    before = [frame(folder, sql) for sql in everything]
    assert list(backtest(*begun(folder), FIRST, LAST)) == []
    for sql, table in zip(everything, before, strict=True):
        pd.testing.assert_frame_equal(frame(folder, sql), table, check_exact=True)


def test_a_backtest_that_was_cut_off_goes_on_as_if_it_had_not_been(
    whole: tuple[Path, list[BacktestProgress]], fresh: Path
) -> None:
    cut_off = backtest(*begun(fresh), FIRST, LAST)
    first = next(cut_off)
    assert (first.through, first.done, first.of) == (DAYS[1], 6, 21)
    cut_off.close()  # type: ignore[attr-defined]  # a generator
    assert len(ledger(fresh)) == 2 * PER_DAY
    # That the second run knows no later prices makes no difference.
    lines = list(backtest(*begun(fresh, until=LAST), FIRST, LAST))
    # Nothing of the first part is gone through again.
    assert [(one.through, one.done, one.of) for one in lines] == [
        (one.through, one.done, one.of) for one in whole[1][1:]
    ]
    assert_same_tables(fresh, whole[0])
    assert len(frame(fresh, "SELECT DISTINCT run_id FROM forecasts")) == 2


def test_a_run_that_is_killed_before_its_rows_are_kept_is_made_whole(
    whole: tuple[Path, list[BacktestProgress]], fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the beginning of the second base: the models are kept already, the rows are not."""
    forecasts, calls = RunWriter.forecasts, []

    def fail_at_the_third(self: RunWriter, rows: pd.DataFrame, inputs: ForecastInputs) -> int:
        calls.append(len(rows))
        if len(calls) == 3:
            raise RuntimeError("power cut")
        return forecasts(self, rows, inputs)

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "forecasts", fail_at_the_third)
        with pytest.raises(RuntimeError, match="power cut"):
            list(backtest(*begun(fresh), FIRST, LAST))
    assert len(ledger(fresh)) == 4 * PER_DAY
    assert frame(fresh, REGISTRY)["trained_through"].dt.date.max() == DAYS[4]
    lines = list(backtest(*begun(fresh), FIRST, LAST))
    assert [(one.through, one.done, one.of) for one in lines] == [(DAYS[5], 18, 21), (DAYS[6], 21, 21)]
    assert_same_tables(fresh, whole[0])


def test_forecasts_of_nights_do_not_take_the_place_of_a_backtest(fresh: Path) -> None:
    night, universe = begun(fresh)
    tonight = night.plan.as_of
    assert len(forecast_from(night, universe, tonight)[0].forecasts) == PER_DAY
    night.close("completed", {})
    nightly = ledger(fresh)
    assert set(nightly["origin"]) == {"nightly"}
    lines = list(backtest(*begun(fresh), LAST, tonight))
    assert [(one.through, one.done, one.of) for one in lines] == [(tonight, 6, 6)]
    found = ledger(fresh, "WHERE origin = 'backtest'")
    assert sorted(set(found["as_of"].dt.date)) == [LAST, tonight]
    assert len(found) == 2 * PER_DAY
    pd.testing.assert_frame_equal(ledger(fresh, "WHERE origin <> 'backtest'"), nightly, check_exact=True)
    state = read_state(night.warehouse, TICKERS, tonight, night.settings)
    assert state.base is not None
    assert sorted(state.tickers) == ["IBM", "MSFT"]


def test_a_backtest_of_tonight_takes_nothing_from_the_night(fresh: Path) -> None:
    """Both may train the very same base, by inputs, seed and name."""
    night, universe = begun(fresh)
    tonight = night.plan.as_of
    (lines,) = backtest(night, universe, tonight, tonight)
    assert (lines.done, lines.of) == (3, 3)
    night.close("completed", {})
    night, universe = begun(fresh)
    assert sorted(universe.due) == list(TICKERS)
    assert len(forecast_from(night, universe, tonight)[0].forecasts) == PER_DAY
    for origin in ("backtest", "nightly"):
        assert len(ledger(fresh, f"WHERE origin = '{origin}'")) == PER_DAY
    state = read_state(night.warehouse, TICKERS, tonight, night.settings)
    assert state.base is not None
    assert sorted(state.tickers) == ["IBM", "MSFT"]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2013, 2, 23), date(2013, 2, 24)),
        (date(2000, 3, 1), date(2000, 5, 25)),
        (date(2013, 3, 2), date(2014, 1, 1)),
        (LAST, FIRST),
    ],
    ids=["weekend", "before enough history", "after the last session", "last before first"],
)
def test_a_range_without_sessions_is_refused_in_one_sentence(
    idle: tuple[RunDriver, Universe], first: date, last: date
) -> None:
    with pytest.raises(NothingToForecastError) as refused:
        list(backtest(*idle, first, last))
    assert str(refused.value) == (
        f"no ticker has a session from {first} to {last} with the 64 sessions of history "
        "that a forecast needs"
    )
    assert ledger(idle[0].warehouse.folder).empty


def other_prices_after(universe: Universe, last: date) -> Universe:
    """The same universe with other prices and volumes at every session after `last`."""
    history, random = universe.history, np.random.default_rng(7)
    later = history.sessions > np.datetime64(last, "D")
    assert later.any()
    factor = np.where(later, np.exp(random.normal(0, 0.3, later.shape)), 1.0)
    fields: dict[str, Any] = {name: getattr(history, name) * factor for name in PRICES}
    fields["volume"] = history.volume * np.where(later, np.exp(random.normal(0, 2, later.shape)), 1.0)
    changed = replace(history, **fields)
    columns: dict[str, Any] = {name: getattr(changed, name)[changed.valid] for name in (*PRICES, "volume")}
    columns["session"] = changed.sessions[changed.valid]
    columns["ticker"] = np.repeat(np.array(changed.tickers, dtype=object), changed.lengths)
    columns["known_from"] = np.full(len(columns["session"]), np.datetime64(LAST, "D"))
    columns["known_until"] = np.full(len(columns["session"]), np.datetime64("NaT", "D"))
    columns["disproved_at_once"] = np.zeros(len(columns["session"]), dtype=bool)
    prices = PointInTimePrices.from_columns(columns, changed.tickers, changed.markets)
    return replace(universe, prices=prices)


def columns_that_differ(one: pd.DataFrame, other: pd.DataFrame) -> set[str]:
    return {str(name) for name in one if not one[name].equals(other[name])}


def test_nothing_after_a_session_changes_a_forecast_made_from_it_or_before(
    whole: tuple[Path, list[BacktestProgress]], fresh: Path
) -> None:
    """The session is one at which a base is trained, and the next one is in the same stretch."""
    night, universe = begun(fresh)
    list(backtest(night, other_prices_after(universe, DAYS[4]), FIRST, LAST))
    known, later = (f"WHERE as_of {sign} DATE '{DAYS[4]}'" for sign in ("<=", ">"))
    expected = ledger(whole[0], known)
    assert len(expected) == 5 * PER_DAY
    pd.testing.assert_frame_equal(ledger(fresh, known), expected, check_exact=True)
    seen, other = (
        table[table["trained_through"] <= pd.Timestamp(DAYS[4])].reset_index(drop=True)
        for table in (frame(folder, REGISTRY) for folder in (whole[0], fresh))
    )
    assert len(seen) == 8
    pd.testing.assert_frame_equal(other, seen, check_exact=True)
    changed = columns_that_differ(ledger(fresh, later), ledger(whole[0], later))
    assert {"basis_close", "data_hash", "scale", "q05", "q95"} <= changed
