"""Searching with a rigged objective: what is tried, in which order, and what survives a kill."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from stockjax.errors import SearchUnreadable, TrainingFailed
from stockjax.settings import TrainingSettings
from stockjax.tuning import Problem, Progress, Search, open_study, pose, trials_table
from stockjax.tuning.search import SESSIONS_OF_A_WEEK
from stockjax.tuning.study_storage import DATABASE
from stockjax.tuning.trials import all_tried
from tests.synthetic import universe
from tests.tuning.made_up import (
    SEARCHED_FROM,
    TICKERS,
    TONIGHT,
    Rigged,
    asking_for,
    distance,
    history,
    searched,
    settings_of,
)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return pose(history(), TICKERS, TONIGHT, settings_of())


def kept_in(folder: Path, problem: Problem, loss: Any = distance) -> tuple[list[Progress], Rigged]:
    """A search that goes on with what the folder remembers."""
    rigged = Rigged(loss)
    with open_study(folder, problem.name) as study:
        return list(Search(study, problem, rigged).run()), rigged


def stored(folder: Path, problem: Problem) -> list[tuple[Any, ...]]:
    """Everything that is remembered of a search but times."""
    with open_study(folder, problem.name) as study:
        return [
            (trial.state.name, trial.params, trial.value, trial.user_attrs, trial.intermediate_values)
            for trial in study.trials
            if trial.state != TrialState.FAIL or "reason" in trial.user_attrs
        ]


def test_the_settings_in_force_come_first_and_all_others_are_compared_with_them(
    problem: Problem,
) -> None:
    steps, rigged = searched(problem, distance)
    assert [(step.done, step.of) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert [step.tried.in_force for step in steps] == [True, False, False]
    first = steps[0].tried
    assert first.changes == "the settings in force"
    assert dict(first.values) == problem.space.start
    assert first.skill is not None
    assert (first.skill.value, first.skill.low, first.skill.high) == (0, 0, 0)
    for step in steps[1:]:
        skill, loss = step.tried.skill, step.tried.loss
        assert skill is not None
        assert loss is not None
        assert first.loss is not None
        if step.tried.outcome == "completed":
            assert skill.value == pytest.approx(1 - loss / first.loss)
        assert skill.low <= skill.value <= skill.high
    # Every fold, with the number of networks that a trial has.
    assert {as_of for as_of, _ in rigged.calls} == {fold.knowledge.as_of for fold in problem.folds}
    assert {training.seeds for _, training in rigged.calls} == {1}


@pytest.mark.parametrize("at_once", [1, 4])
def test_the_same_seed_finds_the_same_however_many_threads_there_are(problem: Problem, at_once: int) -> None:
    found = [
        [
            step.tried
            for step in searched(asking_for(problem, workers, trials=14, at_once=at_once), distance)[0]
        ]
        for workers in (1, 3)
    ]
    assert found[0] == found[1]
    assert len({str(one.values) for one in found[0]}) == 14


def test_another_seed_tries_something_else(problem: Problem) -> None:
    other = replace(problem, settings=settings_of().model_copy(update={"seed": 1}))
    one, two = (searched(asked, distance)[0] for asked in (problem, other))
    assert one[0].tried.values == two[0].tried.values
    assert one[1].tried.values != two[1].tried.values


def test_a_search_that_is_complete_adds_nothing_and_more_trials_go_on(
    tmp_path: Path, problem: Problem
) -> None:
    kept_in(tmp_path, problem)
    before = stored(tmp_path, problem)
    steps, rigged = kept_in(tmp_path, problem)
    assert (steps, rigged.calls) == ([], [])
    assert stored(tmp_path, problem) == before
    steps, _ = kept_in(tmp_path, asking_for(problem, trials=5))
    assert [(step.done, step.of) for step in steps] == [(4, 5), (5, 5)]
    assert stored(tmp_path, problem)[:3] == before


@pytest.mark.parametrize("calls", [1, 4, 7])
def test_a_search_that_was_cut_off_goes_on_as_if_it_had_not_been(
    tmp_path: Path, problem: Problem, calls: int
) -> None:
    """Cut off in the settings in force, between two trials, and within one."""
    asked = asking_for(problem, trials=5, at_once=1)
    kept_in(tmp_path / "whole", asked)

    def power_cut(training: TrainingSettings) -> float:
        if len(rigged.calls) > calls:
            raise RuntimeError("power cut")
        return distance(training)

    rigged = Rigged(power_cut)
    with open_study(tmp_path / "cut", asked.name) as study, pytest.raises(RuntimeError, match="power cut"):
        list(Search(study, asked, rigged).run())
    before = len(stored(tmp_path / "cut", asked))
    steps, again = kept_in(tmp_path / "cut", asked)
    assert stored(tmp_path / "cut", asked) == stored(tmp_path / "whole", asked)
    # What was finished is not done again.
    assert len(steps) == 5 - (before - 1)
    assert len(again.calls) == len(steps) * len(problem.folds)


KILLED = """
import os, signal
from tests.tuning.made_up import *
from stockjax.tuning import Search, open_study, pose
from pathlib import Path
problem = pose(history(), TICKERS, TONIGHT, settings_of(trials=6, at_once=3))
def loss(training):
    if len(rigged.calls) > 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return distance(training)
rigged = Rigged(loss)
with open_study(Path(sys.argv[1]), problem.name) as study:
    for step in Search(study, problem, rigged).run():
        print(step.done, flush=True)
"""


def test_trials_of_a_killed_process_are_begun_again(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + textwrap.dedent(KILLED), str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    finished = len(done.stdout.split())
    assert 1 <= finished < 6
    asked = pose(history(), TICKERS, TONIGHT, settings_of(trials=6, at_once=3))
    with open_study(tmp_path, asked.name) as study:
        under_way = [trial.params for trial in study.trials if trial.state == TrialState.RUNNING]
    assert under_way
    steps, _ = kept_in(tmp_path, asked)
    assert [step.done for step in steps] == list(range(finished + 1, 7))
    kept = stored(tmp_path, asked)
    assert len(kept) == 6
    assert all(params in [row[1] for row in kept] for params in under_way)


def test_a_trial_that_is_surely_worse_ends_early(problem: Problem) -> None:
    longer = universe({"A": 520, "B": 500})
    folds = pose(longer, TICKERS, TONIGHT, settings_of(folds=2, fold_sessions=45)).folds
    asked = asking_for(problem, trials=5, folds=2, fold_sessions=45)
    long = Problem(asked.as_of, asked.name, asked.space, folds, asked.settings)

    def worse(training: TrainingSettings) -> float:
        in_force = training.weight_decay == SEARCHED_FROM.weight_decay
        return 0.0 if in_force else 1.0

    steps, rigged = searched(long, worse)
    others = [step.tried for step in steps[1:]]
    assert [(one.outcome, one.folds) for one in others] == [("pruned", 1)] * 4
    assert len(rigged.calls) == 2 + 4
    for one in others:
        assert one.skill is not None
        assert one.skill.high < 0
        assert one.line.endswith("against the settings in force, pruned after 1 fold(s)")


def test_a_trial_that_is_no_worse_is_scored_whole(problem: Problem) -> None:
    steps, _ = searched(asking_for(problem, trials=4), lambda training: 0.0)
    assert [(step.tried.outcome, step.tried.folds) for step in steps] == [("completed", 2)] * 4


def test_weeks_are_reported_once_each(tmp_path: Path, problem: Problem) -> None:
    def worse(training: TrainingSettings) -> float:
        return 0.0 if training == in_force else 0.25

    in_force = SEARCHED_FROM.model_copy(update={"seeds": 1})
    kept_in(tmp_path, problem, worse)
    weeks = len(problem.folds) * (10 // SESSIONS_OF_A_WEEK)
    for number, (state, _, _, _, reported) in enumerate(stored(tmp_path, problem)):
        assert state == "COMPLETE"
        expected = dict.fromkeys(range(weeks), 0.25 if number else 0.0)
        assert reported == pytest.approx(expected), "by how much it is worse than the settings in force"


def test_a_search_finds_what_is_better(problem: Problem) -> None:
    far = SEARCHED_FROM.model_copy(update={"weight_decay": 0.03})
    space = type(problem.space)(far)
    asked = asking_for(problem, trials=30)
    steps, _ = searched(Problem(TONIGHT, asked.name, space, asked.folds, asked.settings), distance)
    best = min((step.tried for step in steps), key=lambda one: one.loss or 0.0)
    assert 0.3 < best.values["weight_decay"] < 0.8


def test_a_configuration_that_cannot_be_trained_is_recorded_and_stops_no_other(
    tmp_path: Path, problem: Problem
) -> None:
    def fails(training: TrainingSettings) -> float:
        if training.hidden == 8:
            raise TrainingFailed("no numbers")
        return 0.0

    asked = asking_for(problem, trials=8)
    steps, _ = kept_in(tmp_path, asked, fails)
    assert steps[-1].done == 8
    failed = [step.tried for step in steps if step.tried.outcome == "failed"]
    assert failed
    for one in failed:
        assert one.values["hidden"] == 8
        assert (one.loss, one.skill, one.reason) == (None, None, "no numbers")
        assert one.line.endswith("failed, no numbers")
    assert kept_in(tmp_path, asked, fails)[0] == []
    with open_study(tmp_path, asked.name) as study:
        table = trials_table(all_tried(study))
    assert table["outcome"].tolist() == ["completed"] * (8 - len(failed)) + ["failed"] * len(failed)


def test_settings_in_force_that_cannot_be_trained_are_one_sentence(tmp_path: Path, problem: Problem) -> None:
    def fails(training: TrainingSettings) -> float:
        raise TrainingFailed("the networks are no numbers")

    with pytest.raises(TrainingFailed, match=r"^the settings in force cannot be searched from: .*training\."):
        kept_in(tmp_path, problem, fails)
    assert [step.done for step in kept_in(tmp_path, problem)[0]] == [1, 2, 3]


def test_when_time_is_up_nothing_is_begun_any_more(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = iter([0.0, 1.0, 1.5, *[9.0] * 100])
    monkeypatch.setattr("stockjax.tuning.search.time.monotonic", lambda: next(clock))
    steps, _ = searched(asking_for(problem, trials=9, timeout=2.0), distance)
    # The settings in force, and the two that were begun within two seconds.
    assert [step.done for step in steps] == [1, 2, 3]


def test_several_configurations_are_trained_at_once(problem: Problem) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(training: TrainingSettings) -> float:
        meeting.wait()
        return 0.0

    settings = settings_of(trials=5, at_once=2).model_copy(update={"workers": 2})
    steps, _ = searched(Problem(TONIGHT, problem.name, problem.space, problem.folds, settings), meet)
    assert len(steps) == 5


def test_searches_of_other_problems_do_not_mix(tmp_path: Path, problem: Problem) -> None:
    other = pose(history(), ["A"], TONIGHT, settings_of())
    assert other.name != problem.name
    kept_in(tmp_path, problem)
    assert [step.done for step in kept_in(tmp_path, other)[0]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"trials": 99}, True),
        ({"timeout": 5.0}, True),
        ({"seeds": 2}, False),
        ({"fold_sessions": 9}, False),
        ({"at_once": 2}, False),
    ],
)
def test_a_search_is_found_again_by_what_its_trials_depend_on(
    problem: Problem, changes: dict[str, Any], same: bool
) -> None:
    assert (pose(history(), TICKERS, TONIGHT, settings_of(**changes)).name == problem.name) is same


def test_a_damaged_file_is_one_sentence(tmp_path: Path, problem: Problem) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database" * 1000)
    with pytest.raises(SearchUnreadable, match="move that file away"), open_study(tmp_path, problem.name):
        raise AssertionError("it cannot be opened")


def test_optuna_says_nothing_of_its_own(
    tmp_path: Path, problem: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    kept_in(tmp_path, problem)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING
