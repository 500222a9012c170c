"""What becomes of a winner, and of current settings that nothing beats."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stockjax.engine.due_sessions import due_sessions
from stockjax.nightly import Universe
from stockjax.registry import load_champions
from stockjax.scoring.skill import Skill
from stockjax.settings import TrainingSettings, load_settings
from stockjax.tuning import (
    Search,
    SearchDecision,
    SearchSpec,
    build_search_spec,
    decide,
    keep_winner,
    open_study,
)
from stockjax.tuning.trials import TrialResult
from stockjax.warehouse import Warehouse
from tests.support.runs import SMALL, RunDriver, forecast_all
from tests.support.searches import TONIGHT, Rigged

MODELS = "SELECT model_id, role, status, replayed, trained_through FROM models ORDER BY ALL"


def better(training: TrainingSettings) -> float:
    """Any other width than that active is better by a little."""
    return 0.0 if training.hidden == SMALL["hidden"] else -1.0


def worse(training: TrainingSettings) -> float:
    return -better(training)


def begun(folder: Path) -> tuple[RunDriver, Universe, SearchSpec]:
    settings = load_settings(
        source="sample",
        warehouse=folder,
        tickers=("IBM", "MSFT"),
        training=SMALL,
        warmup={"sessions": 0},
        tune={"trials": 6, "folds": 2, "fold_sessions": 20},
        workers=2,
    )
    night = RunDriver(settings)
    night.open("tune")
    universe = night.resolve_universe(night.ingest())
    return (
        night,
        universe,
        build_search_spec(universe.history, night.plan.tickers, night.plan.as_of, settings),
    )


def with_champions(folder: Path) -> tuple[RunDriver, Universe, SearchSpec]:
    night, universe, spec = begun(folder)
    assert [len(made.forecasts) for made in forecast_all(night, universe)] == [8]
    return night, universe, spec


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDriver, Universe, SearchSpec]:
    """A warehouse with prices and a night's champions."""
    return with_champions(tmp_path_factory.mktemp("surveyed") / "warehouse")


def searched(spec: SearchSpec, folder: Path, loss: Callable[[TrainingSettings], float]) -> SearchSpec:
    """The problem under a name of its own, once the search is done."""
    own = replace(spec, name=f"{spec.name}-{loss.__name__}")
    with open_study(folder, own.name) as study:
        list(Search(study, own, Rigged(loss)).run())
    return own


def rows(warehouse: Warehouse, sql: str = MODELS) -> list[Any]:
    with warehouse.read() as connection:
        return connection.execute(sql).fetchall()


def test_a_winner_is_kept_as_a_challenger_and_changes_nothing_active(tmp_path: Path) -> None:
    # In a warehouse of its own: others keep the same winner in the shared one, and compare it.
    night, universe, spec = with_champions(tmp_path / "warehouse")
    before = rows(night.warehouse)
    champions = load_champions(night.warehouse, ["IBM", "MSFT"], TONIGHT)
    assert champions.base is not None
    spec = searched(spec, night.warehouse.folder, better)
    decision = keep_winner(night, universe, spec)
    assert decision.winner is not None
    assert decision.winner.skill is not None
    assert decision.winner.skill.low > 0
    after = rows(night.warehouse)
    (fresh,) = set(after) - set(before)
    assert set(before) <= set(after)
    assert fresh == (decision.challenger, "base", "challenger", False, TONIGHT)
    again = load_champions(night.warehouse, ["IBM", "MSFT"], TONIGHT)
    assert again.base is not None
    assert again.base.model_id == champions.base.model_id
    assert again.problems == {}
    assert decision.message.startswith("6 trials: ")
    assert f"beat the current settings by {100 * decision.winner.skill.value:.2f}% [" in decision.message
    assert decision.message.endswith(f"; kept as challenger {decision.challenger}")
    # A search that is complete keeps it no second time.
    assert keep_winner(night, universe, spec) == decision
    assert rows(night.warehouse) == after


def test_a_challenger_is_trained_with_all_seeds_and_says_where_it_comes_from(
    surveyed: tuple[RunDriver, Universe, SearchSpec],
) -> None:
    night, universe, spec = surveyed
    found = searched(spec, night.warehouse.folder, better)
    decision = keep_winner(night, universe, found)
    lines = """SELECT hyperparameters ->> 'seeds', hyperparameters ->> 'hidden', trained_through,
        hyperparameters -> 'search' ->> 'study', (hyperparameters -> 'search' ->> '$.skill[1]')::DOUBLE, path
        FROM models WHERE status = 'challenger'"""
    ((seeds, hidden, through, study, low, path),) = rows(night.warehouse, lines)
    assert decision.winner is not None
    assert decision.winner.skill is not None
    assert (int(seeds), int(hidden)) == (SMALL["seeds"], decision.winner.values["hidden"])
    assert (through, study, low) == (TONIGHT, found.name, decision.winner.skill.low)
    assert (night.warehouse.folder / path).is_file()
    assert path.startswith("models/2013-03-01-tune-")


def test_a_challenger_is_not_active_before_it_has_met_the_champion(tmp_path: Path) -> None:
    night, universe, spec = with_champions(tmp_path / "warehouse")
    current = "SELECT model_id FROM champions WHERE role = 'base'"
    before = rows(night.warehouse, current)
    decision = keep_winner(night, universe, searched(spec, night.warehouse.folder, better))
    assert rows(night.warehouse, current) == before
    (due,) = due_sessions(universe.prices, {night.plan.as_of: ["IBM", "MSFT"]})
    night.forecast(universe, due)
    lines = "SELECT status, champion_loss IS NULL FROM models WHERE model_id = '{}'"
    ((status, unjudged),) = rows(night.warehouse, lines.format(decision.challenger))
    assert (status in {"champion", "rejected"}, unjudged) == (True, False)
    assert (rows(night.warehouse, current) == before) == (status == "rejected")


@pytest.mark.parametrize("loss", [worse, lambda training: 0.0], ids=["worse", "equal"])
def test_where_nothing_is_better_nothing_is_kept(
    surveyed: tuple[RunDriver, Universe, SearchSpec], loss: Callable[[TrainingSettings], float]
) -> None:
    night, universe, spec = surveyed
    before = rows(night.warehouse)
    found = searched(spec, night.warehouse.folder, loss)
    decision = keep_winner(night, universe, found)
    assert (decision.winner, decision.challenger) == (None, None)
    assert rows(night.warehouse) == before
    assert f": the current settings stay, {decision.current.loss:.1f} bps" in decision.message
    assert "kept" not in decision.message


def some(number: int, **changes: Any) -> TrialResult:
    usual = TrialResult(number, False, "hidden 8", {"hidden": 8}, "completed", 2, 43.0, None, None)
    return replace(usual, **changes)


CURRENT = some(0, current=True, loss=43.14)


def test_one_that_may_be_chance_does_not_win_and_the_sentence_says_so() -> None:
    best = some(1, skill=Skill(0.0012, -0.0002, 0.0022))
    decision = SearchDecision(TONIGHT, 3, [CURRENT, best, some(2, outcome="pruned")], best)
    assert decision.winner is None
    assert decision.message == (
        "3 trials (1 pruned): the current settings stay, 43.1 bps; the best other, hidden 8, "
        "0.12% [-0.02, 0.22], may be chance"
    )


def test_a_search_that_ran_out_of_time_says_how_far_it_came() -> None:
    decision = SearchDecision(TONIGHT, 30, [CURRENT], None)
    assert decision.message == (
        "1 trial: the current settings stay, 43.1 bps; time was up after 1 of 30, run it again to go on"
    )
    assert decision.summary()["trials"] == 1


def test_the_best_is_the_one_that_loses_least_of_those_scored_whole(
    surveyed: tuple[RunDriver, Universe, SearchSpec],
) -> None:
    night, _, spec = surveyed
    found = searched(spec, night.warehouse.folder, better)
    with open_study(night.warehouse.folder, found.name) as study:
        decision = decide(study, found)
    assert decision.best is not None
    whole = [one for one in decision.trials if one.outcome == "completed"]
    assert decision.best.loss == min(one.loss for one in whole if one.loss is not None)
    assert decision.best.values["hidden"] != SMALL["hidden"]
