"""Nights, one of them missed, a replay and a restatement; then any row again, and back to older models."""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import stockjax.reproduce
from stockjax.engine import State
from stockjax.nightly import steps
from stockjax.registry.activation import activate_models, models_at
from stockjax.reproduce import Reproduction, ledger_rows, reproduce
from stockjax.settings import Settings, load_settings
from stockjax.warehouse import Warehouse
from tests.support.model_files import own_file
from tests.support.runs import SMALL, RunDriver, forecast_all
from tests.support.synthetic import NEW_YORK, price_frame

DAYS = NEW_YORK.sessions(date(2011, 9, 1), date(2013, 3, 1))
TICKERS = ("A", "B", "C")
RESTATED = ("B", -30)
LEDGER = "SELECT * FROM forecasts ORDER BY ALL"


@dataclass
class Nights:
    """Nights at the last sessions of a file, without Prefect."""

    folder: Path
    lines: list[str] = field(default_factory=list)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.folder / "warehouse", lock_timeout=5)

    def write_prices(self, *, restated: bool, factor: float = 1.01) -> None:
        table = pd.concat([price_frame(ticker, DAYS, seed) for seed, ticker in enumerate(TICKERS)])
        if restated:
            ticker, at = RESTATED
            row = (table["ticker"] == ticker) & (table["session"] == DAYS[at])
            assert row.sum() == 1
            columns = ["open", "high", "low", "close", "adj_close"]
            table.loc[row, columns] *= factor
        table.rename(columns={"session": "date"}).to_csv(self.folder / "prices.csv", index=False)

    def settings(self, replayed: int = 0) -> Settings:
        return load_settings(
            source="files",
            path=self.folder / "prices.csv",
            warehouse=self.folder / "warehouse",
            training=SMALL,
            warmup={"sessions": replayed, "ticker_every": 2},
            history={"training_sessions": 320},
            workers=1,
        )

    def begun(self, at: int, replayed: int = 0, flow: str = "forecast") -> RunDriver:
        night = RunDriver(self.settings(replayed), DAYS[at].item(), self.lines.append)
        night.open(flow)
        return night

    def night(self, at: int, replayed: int = 0) -> date:
        """A night at the close of a session, counted from the end."""
        night = self.begun(at, replayed)
        universe = night.resolve_universe(night.ingest())
        forecast_all(night, universe)
        night.warm_up(universe)
        night.close("completed", {})
        return night.plan.as_of

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as connection:
            return connection.execute(sql).fetchall()

    def rederived(self, ticker: str, day: date) -> list[Reproduction]:
        return [reproduce(self.warehouse, row) for row in ledger_rows(self.warehouse, ticker, day)]

    def models_of(self, day: date) -> dict[str, str]:
        """By ticker, the network that forecast from a session on a night."""
        return dict(
            self.rows(
                f"SELECT ticker, model_id FROM forecasts WHERE as_of = '{day}' AND model = 'lstm' "
                "AND origin <> 'backtest'"
            )
        )


@pytest.fixture(scope="module")
def _past(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("past"))
    nights.write_prices(restated=False)
    nights.night(-8, replayed=3)
    nights.night(-6)
    nights.write_prices(restated=True)
    nights.night(-5)
    return nights


@pytest.fixture
def nights(_past: Nights, tmp_path: Path) -> Nights:
    """The same past, to be changed."""
    shutil.copytree(_past.folder, tmp_path / "own")
    return Nights(tmp_path / "own")


def test_twenty_rows_of_all_kinds_come_out_again_bit_for_bit(_past: Nights) -> None:
    assert _past.rows("SELECT ticker, session FROM price_revisions") == [
        (RESTATED[0], DAYS[RESTATED[1]].item())
    ]
    kinds = _past.rows("SELECT DISTINCT origin, model FROM forecasts")
    assert len(kinds) == 3 * 4
    places = _past.rows("SELECT DISTINCT ticker, as_of FROM forecasts ORDER BY ALL")
    rows = [row for ticker, day in places for row in ledger_rows(_past.warehouse, ticker, day)]
    chosen = random.Random(6).sample(rows, 20)
    # Of all models and origins, and of the restated ticker before and after.
    assert {row["model"] for row in chosen} == {"lstm", "random_walk", "ewma", "har"}
    assert {row["origin"] for row in chosen} == {"nightly", "catchup", "backtest"}
    assert {row["as_of"].date() < DAYS[-5].item() for row in chosen if row["ticker"] == "B"} == {True, False}
    for row in chosen:
        again = reproduce(_past.warehouse, row)
        assert again.same, (row["ticker"], row["as_of"], row["model"], again.differing, again.causes)
        assert again.causes == ()


def test_a_row_of_before_the_restatement_needs_the_prices_of_before(nights: Nights) -> None:
    day = DAYS[-6].item()
    with nights.warehouse.write() as connection:
        connection.execute("DELETE FROM price_revisions")
    own, other = nights.rederived("B", day), nights.rederived("A", day)
    causes = {cause for one in (*own, *other) for cause in one.causes}
    assert causes == {"the prices of B are not on record as the run read them"}
    assert not any(one.same for one in own)
    assert all("data_hash" in one.differing for one in own)
    # A's own prices are there; only the network looks at the market, of which B is a part.
    assert {one.row["model"] for one in other if one.same} >= {"random_walk", "ewma", "har"}


def test_a_search_next_to_a_night_leaves_its_rows_as_they_were_made(nights: Nights) -> None:
    night = nights.begun(-4)
    universe = night.resolve_universe(night.ingest())
    # Between reading and writing, a search fetches a restated price and keeps a challenger.
    nights.write_prices(restated=True, factor=1.02)
    search = nights.begun(-4, flow="tune")
    search.resolve_universe(search.ingest())
    base = steps.read_session_state(
        night.run, steps.read_session(night.run, universe, universe.due_sessions()[-1])
    ).base  # type: ignore[arg-type]
    assert base
    search.writer.models([replace(base, seed=base.seed + 1)], "search", status="challenger")
    forecast_all(night, universe)
    search.close("completed", {})
    night.close("completed", {})
    assert nights.rows("SELECT count(*) FROM price_revisions") == [(2,)]
    # The challenger came in time to be compared by this night.
    kept = "SELECT status FROM models WHERE path LIKE 'models/search-%'"
    assert nights.rows(kept) in ([("champion",)], [("rejected",)])
    for ticker in TICKERS:
        rows = nights.rederived(ticker, night.plan.as_of)
        assert len(rows) == 4
        assert [
            (one.row["model"], one.differing, one.causes) for one in rows if not one.same or one.causes
        ] == []
    # The next night knows the price that the search has fetched.
    after = nights.night(-3)
    assert all(one.same for one in nights.rederived("B", after))


def test_a_model_file_that_is_gone_is_named_and_stops_no_baseline(nights: Nights) -> None:
    day = DAYS[-5].item()
    name = nights.models_of(day)["A"]
    own_file(nights.warehouse, name).unlink()
    found = {one.row["model"]: one for one in nights.rederived("A", day)}
    assert name in found["lstm"].causes[0]
    assert found["lstm"].differing
    assert found["lstm"].seen is None
    assert all(found[model].same for model in ("random_walk", "ewma", "har"))


def test_a_number_that_was_not_the_forecast_is_reported_with_what_else_is_not_as_it_was(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = DAYS[-5].item()
    with nights.warehouse.write() as connection:
        connection.execute(
            "UPDATE forecasts SET scale = ? WHERE model = 'har' AND ticker = 'A' AND as_of = ?",
            [np.nextafter(0.02, 1), day],
        )
    monkeypatch.setattr(stockjax.reproduce, "code_version", lambda: "another")
    here = stockjax.reproduce.environment()
    monkeypatch.setattr(stockjax.reproduce, "environment", lambda: {**here, "processor": "abacus"})
    found = {one.row["model"]: one for one in nights.rederived("A", day)}
    assert found["har"].differing == ("scale",)
    assert found["har"].causes[0].endswith("and is another")
    assert found["har"].causes[1].endswith("and is abacus")
    assert found["lstm"].same


@pytest.mark.parametrize(
    ("by", "processor", "same"), [(5e-5, "abacus", True), (2e-4, "abacus", False), (5e-5, "", False)]
)
def test_another_processor_is_allowed_a_ten_thousandth_of_the_scale(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, by: float, processor: str, same: bool
) -> None:
    day = DAYS[-5].item()
    with nights.warehouse.write() as connection:
        connection.execute(
            """UPDATE forecasts SET q05 = q05 + $by * scale * basis_close, scale = scale * (1 + $by)
               WHERE model = 'lstm' AND ticker = 'A' AND as_of = $day""",
            {"by": by, "day": day},
        )
    here = stockjax.reproduce.environment()
    changed = {**here, "processor": processor or here["processor"]}
    monkeypatch.setattr(stockjax.reproduce, "environment", lambda: changed)
    found = next(one for one in nights.rederived("A", day) if one.row["model"] == "lstm")
    assert found.same == same
    assert found.other_processor == bool(processor)
    assert set(found.differing) == (set() if same else {"q05", "scale"})


def back_to(nights: Nights, day: date, tickers: Sequence[str] = ()) -> None:
    done = activate_models(
        nights.warehouse,
        models_at(nights.warehouse, day, tickers),
        cause="rollback",
        moment=datetime.now(UTC),
        who="somebody",
        reason="worse since",
    )
    assert done.problems == {}


def test_a_rollback_is_what_tonight_forecasts_with_and_changes_nothing_before(nights: Nights) -> None:
    then, before = nights.models_of(DAYS[-8].item()), nights.rows(LEDGER)
    assert then != nights.models_of(DAYS[-5].item())
    back_to(nights, DAYS[-8].item())
    assert nights.rows(LEDGER) == before
    tonight = nights.night(-4)
    assert nights.models_of(tonight) == then
    after = nights.rows(LEDGER)
    assert len(after) == len(before) + 4 * len(TICKERS)
    assert set(before) < set(after)
    assert all(one.same for one in nights.rederived("A", tonight))
    # It has forecast once; from then on the usual cadence trains, from what was activated.
    tomorrow = nights.models_of(nights.night(-3))
    assert not set(tomorrow.values()) & set(then.values())
    parents = dict(nights.rows("SELECT model_id, parent_id FROM models"))
    assert {parents[name] for name in tomorrow.values()} == set(then.values())


def test_an_alarm_of_drift_does_not_undo_a_rollback_on_the_same_night(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = nights.models_of(DAYS[-8].item())
    back_to(nights, DAYS[-8].item())
    monkeypatch.setattr(State, "base_drifted", True)
    monkeypatch.setattr(State, "ticker_drifted", lambda *_: True)
    assert nights.models_of(nights.night(-4)) == then
    # On the next one it does.
    assert not set(nights.models_of(nights.night(-3)).values()) & set(then.values())


def test_the_rollback_of_one_ticker_leaves_the_others_to_their_training(nights: Nights) -> None:
    then = nights.models_of(DAYS[-8].item())
    known = {row[0] for row in nights.rows("SELECT model_id FROM models")}
    back_to(nights, DAYS[-8].item(), ["B"])
    tonight = nights.models_of(nights.night(-4))
    assert tonight["B"] == then["B"]
    assert not {tonight["A"], tonight["C"]} & known


def test_a_session_missed_before_the_rollback_is_not_forecast_with_it(nights: Nights) -> None:
    """A ticker's sessions up to its last forecast keep the models that they would have had."""
    then = nights.models_of(DAYS[-8].item())
    before = nights.models_of(DAYS[-5].item())
    with nights.warehouse.write() as connection:
        connection.execute("DELETE FROM forecasts WHERE as_of = ?", [DAYS[-6].item()])
    back_to(nights, DAYS[-8].item())
    tonight = nights.night(-4)
    caught_up = nights.models_of(DAYS[-6].item())
    assert not set(caught_up.values()) & set(then.values())
    assert nights.models_of(DAYS[-5].item()) == before
    assert nights.models_of(tonight) == then


def test_every_change_of_status_is_on_record(nights: Nights) -> None:
    back_to(nights, DAYS[-8].item(), ["B"])
    nights.night(-4)
    nights.night(-3)
    changes = nights.rows(
        "SELECT previous, status, cause, changed_by, reason, run_id IS NULL, since FROM model_changes "
        "WHERE ticker = 'B' ORDER BY change"
    )
    lines = ("rollback", "somebody", "worse since", True)
    run = (None, None, False)
    since = {at: DAYS[at].item() for at in (-8, -7, -6, -5, -3)}
    assert since[-5] == date(2013, 2, 25)
    # The day after the last forecast, whether it is a session or not.
    start = date(2013, 2, 26)
    assert changes == [
        (None, "champion", "trained", *run, since[-8]),
        *(
            change
            for at in (-7, -6, -5)
            for change in (
                ("champion", "retired", "replaced", *run, since[at]),
                (None, "champion", "trained", *run, since[at]),
            )
        ),
        ("champion", "retired", *lines, start),
        ("retired", "champion", *lines, start),
        ("champion", "retired", "replaced", *run, since[-3]),
        (None, "champion", "trained", *run, since[-3]),
    ]
    active = nights.rows("SELECT ticker, count(*) FROM champions GROUP BY ALL ORDER BY ALL")
    assert active == [("A", 1), ("B", 1), ("C", 1), (None, 1)]
