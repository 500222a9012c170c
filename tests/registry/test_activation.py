"""Which models someone means, and putting them active: all of it or nothing, and on record."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from stockjax.errors import UsageError
from stockjax.registry import Model, load_champions, purge_models, save_models
from stockjax.registry.activation import (
    Promoted,
    activate_models,
    models_at,
    models_named,
    models_of_run,
    models_once_active,
)
from stockjax.warehouse import Warehouse
from tests.support.model_files import own_file
from tests.support.synthetic import some_model

MOMENT = datetime(2013, 3, 8, 23, 0, tzinfo=UTC)
DAYS = [date(2013, 3, 4 + number) for number in range(4)]
LATER = date(2013, 3, 8)


def save(warehouse: Warehouse, day: date, *models: Model, run: str | None = None) -> None:
    save_models(
        warehouse, models, batch=f"{day}-{models[0].model_id}", run_id=run or f"run-{day}", moment=MOMENT
    )


def forecast(warehouse: Warehouse, day: date, model: Model, run: str | None = None) -> None:
    with warehouse.write() as connection:
        connection.execute(
            """INSERT INTO forecasts BY NAME SELECT $ticker AS ticker, $day AS as_of, $day + 1 AS target,
                'lstm' AS model, $model AS model_id, 'nightly' AS origin, 10.0 AS basis_close,
                10.0 AS predicted_close, 0.0 AS predicted_return, 0.02 AS scale, 9.0 AS q05, 9.5 AS q25,
                10.0 AS q50, 10.5 AS q75, 11.0 AS q95, 'hash' AS data_hash, 'code' AS code_version,
                $run AS run_id, $day::TIMESTAMP AS created_at""",
            {"ticker": model.ticker, "day": day, "model": model.model_id, "run": run or f"run-{day}"},
        )
        connection.execute(
            """INSERT INTO runs BY NAME SELECT $run AS run_id, 'forecast' AS flow, $day AS as_of,
                $day::TIMESTAMP AS started_at, 'completed' AS status, 'code' AS code_version
            WHERE $run NOT IN (SELECT run_id FROM runs)""",
            {"run": run or f"run-{day}", "day": day},
        )


def rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.read() as connection:
        return connection.execute(sql).fetchall()


def statuses(warehouse: Warehouse) -> dict[str, str]:
    return dict(rows(warehouse, "SELECT model_id, status FROM models"))


def active(warehouse: Warehouse, day: date = LATER) -> dict[str | None, str]:
    champions = load_champions(warehouse, ["A", "B"], day)
    base = {None: champions.base.model_id} if champions.base else {}
    return base | {ticker: model.model_id for ticker, model in champions.tickers.items()}


def put(warehouse: Warehouse, found: Iterable[Any], cause: Any = "rollback") -> Promoted:
    return activate_models(warehouse, list(found), cause=cause, moment=MOMENT)


class Past:
    """A base, and four nights on which A and B were trained."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.base = some_model(None, 1, trained_through=DAYS[0])
        self.a = [some_model("A", 10 + at, trained_through=day) for at, day in enumerate(DAYS)]
        self.b = [some_model("B", 20 + at, trained_through=day) for at, day in enumerate(DAYS)]
        save(warehouse, DAYS[0], self.base)
        for at, day in enumerate(DAYS):
            save(warehouse, day, self.a[at], self.b[at])
            forecast(warehouse, day, self.a[at])
            forecast(warehouse, day, self.b[at])


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Past]:
    folder = tmp_path_factory.mktemp("past") / "warehouse"
    warehouse = Warehouse(folder)
    warehouse.migrate()
    return folder, Past(warehouse)


@pytest.fixture
def warehouse(tmp_path: Path, _made: tuple[Path, Past]) -> Warehouse:
    """A copy of the warehouse of these four nights."""
    shutil.copytree(_made[0], tmp_path / "warehouse")
    return Warehouse(tmp_path / "warehouse", lock_timeout=5)


@pytest.fixture
def past(_made: tuple[Path, Past]) -> Past:
    return _made[1]


def names(found: Iterable[Any]) -> set[str]:
    return {row["model_id"] for row in found}


def test_the_models_of_a_day_a_run_and_a_ticker(warehouse: Warehouse, past: Past) -> None:
    second = {past.base.model_id, past.a[1].model_id, past.b[1].model_id}
    assert names(models_at(warehouse, DAYS[1])) == second
    assert names(models_of_run(warehouse, f"run-{DAYS[1]}")) == second
    assert names(models_at(warehouse, DAYS[2], ["B"])) == {past.b[2].model_id}
    assert names(models_of_run(warehouse, f"run-{DAYS[2]}", ["A"])) == {past.a[2].model_id}


def test_a_rollback_holds_from_the_session_after_the_last_forecast(warehouse: Warehouse, past: Past) -> None:
    newest = {None: past.base.model_id, "A": past.a[3].model_id, "B": past.b[3].model_id}
    assert active(warehouse) == newest
    done = put(warehouse, models_at(warehouse, DAYS[0], ["A"]))
    (change,) = done.changes
    assert (change.model_id, change.displaced) == (past.a[0].model_id, past.a[3].model_id)
    assert change.since == LATER
    assert active(warehouse) == newest | {"A": past.a[0].model_id}
    # What was active at a session of the past is still what was active then.
    for at, day in enumerate(DAYS):
        assert active(warehouse, day) == {
            None: past.base.model_id,
            "A": past.a[at].model_id,
            "B": past.b[at].model_id,
        }


def test_the_same_again_changes_nothing(warehouse: Warehouse, past: Past) -> None:
    put(warehouse, models_at(warehouse, DAYS[0]))
    before = rows(warehouse, "FROM model_changes ORDER BY change")
    done = put(warehouse, models_at(warehouse, DAYS[0]))
    assert done.changes == []
    assert set(done.already) == {past.base.model_id, past.a[0].model_id, past.b[0].model_id}
    assert rows(warehouse, "FROM model_changes ORDER BY change") == before


def test_back_and_forth_ends_where_it_was_reported_to_last(warehouse: Warehouse, past: Past) -> None:
    for at in (0, 2, 1):
        put(warehouse, models_named(warehouse, [past.a[at].model_id]))
    assert active(warehouse)["A"] == past.a[1].model_id
    assert rows(warehouse, "SELECT model_id FROM champions WHERE ticker = 'A'") == [(past.a[1].model_id,)]
    assert [row[0] for row in rows(warehouse, "SELECT change FROM model_changes ORDER BY ALL")] == list(
        range(1, 1 + rows(warehouse, "SELECT count(*) FROM model_changes")[0][0])
    )


def test_a_challenger_can_be_promoted_but_not_rolled_back_to(warehouse: Warehouse, past: Past) -> None:
    challenger = some_model(None, 2, trained_through=DAYS[2], status="challenger")
    save(warehouse, DAYS[2], challenger)
    with pytest.raises(UsageError, match=f"models promote {challenger.model_id}"):
        models_once_active(warehouse, [challenger.model_id])
    put(warehouse, models_named(warehouse, [challenger.model_id]), "promote")
    assert active(warehouse)[None] == challenger.model_id
    assert statuses(warehouse)[past.base.model_id] == "retired"
    previous = rows(warehouse, "SELECT model_id, previous FROM model_changes WHERE cause = 'promote'")
    assert set(previous) == {(past.base.model_id, "champion"), (challenger.model_id, "challenger")}


def test_what_is_trained_afterwards_takes_over(warehouse: Warehouse, past: Past) -> None:
    put(warehouse, models_at(warehouse, DAYS[0], ["A"]))
    late = some_model("A", 30, trained_through=DAYS[2])
    save(warehouse, date(2013, 3, 9), late)
    # Trained for a session of before the rollback, it does not undo it.
    assert active(warehouse)["A"] == past.a[0].model_id
    assert statuses(warehouse)[late.model_id] == "retired"
    new = some_model("A", 31, trained_through=LATER)
    save(warehouse, LATER, new)
    assert active(warehouse)["A"] == new.model_id
    assert list(statuses(warehouse).values()).count("champion") == 3


@pytest.mark.parametrize("harm", ["damaged", "missing"])
def test_a_file_that_is_not_whole_is_refused_and_the_others_go_on(
    warehouse: Warehouse, past: Past, harm: str
) -> None:
    file = own_file(warehouse, past.a[1].model_id)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    if harm == "damaged":
        file.write_bytes(content)
    done = put(warehouse, models_at(warehouse, DAYS[1]))
    assert set(done.problems) == {past.a[1].model_id}
    assert ("sha256" in done.problems[past.a[1].model_id]) == (harm == "damaged")
    assert active(warehouse) == {
        None: past.base.model_id,
        "A": past.a[3].model_id,
        "B": past.b[1].model_id,
    }


def test_what_was_deleted_or_backtested_is_refused(warehouse: Warehouse, past: Past) -> None:
    replayed = some_model("A", 40, trained_through=DAYS[1], status="retired", replayed=True)
    save(warehouse, date(2013, 3, 10), replayed)
    before = statuses(warehouse)
    refused = put(warehouse, models_named(warehouse, [replayed.model_id])).problems
    assert "trained by a backtest" in refused[replayed.model_id]
    purge_models(warehouse, 1, datetime(2013, 4, 8, tzinfo=UTC))
    done = put(warehouse, models_at(warehouse, DAYS[0], ["A"]))
    assert "deleted on 2013-04-08" in done.problems[past.a[0].model_id]
    assert statuses(warehouse) == before


def test_who_was_put_back_is_never_deleted(warehouse: Warehouse, past: Past) -> None:
    put(warehouse, models_at(warehouse, DAYS[0]))
    purge_models(warehouse, 1, datetime(2013, 4, 8, tzinfo=UTC))
    gone = {row[0] for row in rows(warehouse, "SELECT model_id FROM models WHERE purged_at IS NOT NULL")}
    assert gone == {model.model_id for model in (*past.a[1:], *past.b[1:])}


@pytest.mark.parametrize(
    ("ask", "lines"),
    [
        (lambda w: models_at(w, date(2013, 1, 1)), "no model was active on 2013-01-01"),
        (lambda w: models_at(w, date(2013, 4, 1)), "after the last forecast, which is of 2013-03-07"),
        (lambda w: models_at(w, DAYS[0], ["C"]), "there is no model of 'C'"),
        (lambda w: models_of_run(w, "nobody"), "there is no run 'nobody'"),
        (lambda w: models_of_run(w, "run-2013"), "more than one run"),
        (lambda w: models_named(w, ["ticker-1"]), "there is no model 'ticker-1'"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    warehouse: Warehouse, past: Past, ask: Any, lines: str
) -> None:
    del past
    with pytest.raises(UsageError, match=lines):
        ask(warehouse)


def test_two_models_of_one_ticker_are_one_too_many(warehouse: Warehouse, past: Past) -> None:
    with pytest.raises(UsageError, match="only one model can be active for A"):
        models_named(warehouse, [past.a[0].model_id, past.a[1].model_id])


KILLED = """
import os, sys
from datetime import UTC, date, datetime
from pathlib import Path
from stockjax.warehouse import Warehouse, model_history
from stockjax.warehouse.readers_copy import ReadersCopy
said = model_history.statement
def statement(name):
    if name == sys.argv[2]:
        os._exit(9)
    return said(name)
model_history.statement = statement
if sys.argv[2] == "publish":
    ReadersCopy.renew = lambda self: os._exit(9)
model_history.activate(
    Warehouse(Path(sys.argv[1])), sys.argv[3:], cause="rollback", moment=datetime(2013, 3, 8, tzinfo=UTC)
)
"""


@pytest.mark.parametrize("step", ["promote_models", "record_promotions", "publish"])
def test_killed_between_two_steps_all_of_it_has_happened_or_nothing(
    warehouse: Warehouse, past: Past, step: str
) -> None:
    before, changes = statuses(warehouse), rows(warehouse, "FROM model_changes ORDER BY change")
    wanted = [past.a[0].model_id, past.b[1].model_id]
    command = [sys.executable, "-c", KILLED, str(warehouse.folder), step, *wanted]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parents[2]).returncode == 9
    if step == "publish":
        # It was committed; readers see it from the next commit on.
        assert active(warehouse) == {None: past.base.model_id, "A": wanted[0], "B": wanted[1]}
        assert len(rows(warehouse, "FROM model_changes")) == len(changes) + 4
    else:
        assert statuses(warehouse) == before
        assert rows(warehouse, "FROM model_changes ORDER BY change") == changes
    put(warehouse, models_named(warehouse, wanted))
    assert active(warehouse) == {None: past.base.model_id, "A": wanted[0], "B": wanted[1]}
    assert len(rows(warehouse, "FROM model_changes")) == len(changes) + 4
