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

from stockjax.errors import StudyCorruptError, TrainingFailedError
from stockjax.settings import TrainingSettings
from stockjax.tuning import Search, SearchProgress, SearchSpec, build_search_spec, open_study, trials_table
from stockjax.tuning.search import SESSIONS_OF_A_WEEK
from stockjax.tuning.study_storage import DATABASE
from stockjax.tuning.trials import trial_results
from tests.support.searches import (
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
from tests.support.synthetic import universe


@pytest.fixture(scope="module")
def spec() -> SearchSpec:
    return build_search_spec(history(), TICKERS, TONIGHT, settings_of())


def kept_in(folder: Path, spec: SearchSpec, loss: Any = distance) -> tuple[list[SearchProgress], Rigged]:
    """A search that goes on with what the folder remembers."""
    rigged = Rigged(loss)
    with open_study(folder, spec.name) as study:
        return list(Search(study, spec, rigged).run()), rigged


def stored(folder: Path, spec: SearchSpec) -> list[tuple[Any, ...]]:
    """Everything that is remembered of a search but times."""
    with open_study(folder, spec.name) as study:
        return [
            (trial.state.name, trial.params, trial.value, trial.user_attrs, trial.intermediate_values)
            for trial in study.trials
            if trial.state != TrialState.FAIL or "reason" in trial.user_attrs
        ]


def test_the_settings_active_come_first_and_all_others_are_compared_with_them(
    spec: SearchSpec,
) -> None:
    steps, rigged = searched(spec, distance)
    assert [(step.done, step.of) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert [step.result.current for step in steps] == [True, False, False]
    first = steps[0].result
    assert first.changes == "the current settings"
    assert dict(first.values) == spec.space.start
    assert first.skill is not None
    assert (first.skill.value, first.skill.low, first.skill.high) == (0, 0, 0)
    for step in steps[1:]:
        skill, loss = step.result.skill, step.result.loss
        assert skill is not None
        assert loss is not None
        assert first.loss is not None
        if step.result.outcome == "completed":
            assert skill.value == pytest.approx(1 - loss / first.loss)
        assert skill.low <= skill.value <= skill.high
    # Every fold, with the number of networks that a trial has.
    assert {as_of for as_of, _ in rigged.calls} == {fold.asof.as_of for fold in spec.folds}
    assert {training.seeds for _, training in rigged.calls} == {1}


@pytest.mark.parametrize("max_concurrent_trials", [1, 4])
def test_the_same_seed_finds_the_same_however_many_threads_there_are(
    spec: SearchSpec, max_concurrent_trials: int
) -> None:
    found = [
        [
            step.result
            for step in searched(
                asking_for(spec, workers, trials=14, max_concurrent_trials=max_concurrent_trials), distance
            )[0]
        ]
        for workers in (1, 3)
    ]
    assert found[0] == found[1]
    assert len({str(one.values) for one in found[0]}) == 14


def test_another_seed_tries_something_else(spec: SearchSpec) -> None:
    other = replace(spec, settings=settings_of().model_copy(update={"seed": 1}))
    one, two = (searched(asked, distance)[0] for asked in (spec, other))
    assert one[0].result.values == two[0].result.values
    assert one[1].result.values != two[1].result.values


def test_a_search_that_is_complete_adds_nothing_and_more_trials_go_on(
    tmp_path: Path, spec: SearchSpec
) -> None:
    kept_in(tmp_path, spec)
    before = stored(tmp_path, spec)
    steps, rigged = kept_in(tmp_path, spec)
    assert (steps, rigged.calls) == ([], [])
    assert stored(tmp_path, spec) == before
    steps, _ = kept_in(tmp_path, asking_for(spec, trials=5))
    assert [(step.done, step.of) for step in steps] == [(4, 5), (5, 5)]
    assert stored(tmp_path, spec)[:3] == before


@pytest.mark.parametrize("calls", [1, 4, 7])
def test_a_search_that_was_cut_off_goes_on_as_if_it_had_not_been(
    tmp_path: Path, spec: SearchSpec, calls: int
) -> None:
    """Cut off in the current settings, between two trials, and within one."""
    asked = asking_for(spec, trials=5, max_concurrent_trials=1)
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
    assert len(again.calls) == len(steps) * len(spec.folds)


KILLED = """
import os, signal
from tests.support.searches import *
from stockjax.tuning import Search, open_study, build_search_spec
from pathlib import Path
spec = build_search_spec(history(), TICKERS, TONIGHT, settings_of(trials=6, max_concurrent_trials=3))
def loss(training):
    if len(rigged.calls) > 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return distance(training)
rigged = Rigged(loss)
with open_study(Path(sys.argv[1]), spec.name) as study:
    for step in Search(study, spec, rigged).run():
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
    asked = build_search_spec(history(), TICKERS, TONIGHT, settings_of(trials=6, max_concurrent_trials=3))
    with open_study(tmp_path, asked.name) as study:
        under_way = [trial.params for trial in study.trials if trial.state == TrialState.RUNNING]
    assert under_way
    steps, _ = kept_in(tmp_path, asked)
    assert [step.done for step in steps] == list(range(finished + 1, 7))
    kept = stored(tmp_path, asked)
    assert len(kept) == 6
    assert all(params in [row[1] for row in kept] for params in under_way)


def test_a_trial_that_is_surely_worse_ends_early(spec: SearchSpec) -> None:
    longer = universe({"A": 520, "B": 500})
    folds = build_search_spec(longer, TICKERS, TONIGHT, settings_of(folds=2, fold_sessions=45)).folds
    asked = asking_for(spec, trials=5, folds=2, fold_sessions=45)
    long = SearchSpec(asked.as_of, asked.name, asked.space, folds, asked.settings)

    def worse(training: TrainingSettings) -> float:
        current = training.weight_decay == SEARCHED_FROM.weight_decay
        return 0.0 if current else 1.0

    steps, rigged = searched(long, worse)
    others = [step.result for step in steps[1:]]
    assert [(one.outcome, one.folds) for one in others] == [("pruned", 1)] * 4
    assert len(rigged.calls) == 2 + 4
    for one in others:
        assert one.skill is not None
        assert one.skill.high < 0
        assert one.line.endswith("against the current settings, pruned after 1 fold(s)")


def test_a_trial_that_is_no_worse_is_scored_whole(spec: SearchSpec) -> None:
    steps, _ = searched(asking_for(spec, trials=4), lambda training: 0.0)
    assert [(step.result.outcome, step.result.folds) for step in steps] == [("completed", 2)] * 4


def test_weeks_are_reported_once_each(tmp_path: Path, spec: SearchSpec) -> None:
    def worse(training: TrainingSettings) -> float:
        return 0.0 if training == current else 0.25

    current = SEARCHED_FROM.model_copy(update={"seeds": 1})
    kept_in(tmp_path, spec, worse)
    weeks = len(spec.folds) * (10 // SESSIONS_OF_A_WEEK)
    for number, (state, _, _, _, reported) in enumerate(stored(tmp_path, spec)):
        assert state == "COMPLETE"
        expected = dict.fromkeys(range(weeks), 0.25 if number else 0.0)
        assert reported == pytest.approx(expected), "by how much it is worse than the current settings"


def test_a_search_finds_what_is_better(spec: SearchSpec) -> None:
    far = SEARCHED_FROM.model_copy(update={"weight_decay": 0.03})
    space = type(spec.space)(far)
    asked = asking_for(spec, trials=30)
    steps, _ = searched(SearchSpec(TONIGHT, asked.name, space, asked.folds, asked.settings), distance)
    best = min((step.result for step in steps), key=lambda one: one.loss or 0.0)
    assert 0.3 < best.values["weight_decay"] < 0.8


def test_a_configuration_that_cannot_be_trained_is_recorded_and_stops_no_other(
    tmp_path: Path, spec: SearchSpec
) -> None:
    def fails(training: TrainingSettings) -> float:
        if training.hidden == 8:
            raise TrainingFailedError("no numbers")
        return 0.0

    asked = asking_for(spec, trials=8)
    steps, _ = kept_in(tmp_path, asked, fails)
    assert steps[-1].done == 8
    failed = [step.result for step in steps if step.result.outcome == "failed"]
    assert failed
    for one in failed:
        assert one.values["hidden"] == 8
        assert (one.loss, one.skill, one.reason) == (None, None, "no numbers")
        assert one.line.endswith("failed, no numbers")
    assert kept_in(tmp_path, asked, fails)[0] == []
    with open_study(tmp_path, asked.name) as study:
        table = trials_table(trial_results(study))
    assert table["outcome"].tolist() == ["completed"] * (8 - len(failed)) + ["failed"] * len(failed)


def test_settings_active_that_cannot_be_trained_are_one_sentence(tmp_path: Path, spec: SearchSpec) -> None:
    def fails(training: TrainingSettings) -> float:
        raise TrainingFailedError("the networks are no numbers")

    with pytest.raises(
        TrainingFailedError, match=r"^the current settings cannot be searched from: .*training\."
    ):
        kept_in(tmp_path, spec, fails)
    assert [step.done for step in kept_in(tmp_path, spec)[0]] == [1, 2, 3]


def test_when_time_is_up_nothing_is_begun_any_more(spec: SearchSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = iter([0.0, 1.0, 1.5, *[9.0] * 100])
    monkeypatch.setattr("stockjax.tuning.search.time.monotonic", lambda: next(clock))
    steps, _ = searched(asking_for(spec, trials=9, timeout=2.0), distance)
    # The current settings, and the two that were begun within two seconds.
    assert [step.done for step in steps] == [1, 2, 3]


def test_several_configurations_are_trained_at_once(spec: SearchSpec) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(training: TrainingSettings) -> float:
        meeting.wait()
        return 0.0

    settings = settings_of(trials=5, max_concurrent_trials=2).model_copy(update={"workers": 2})
    steps, _ = searched(SearchSpec(TONIGHT, spec.name, spec.space, spec.folds, settings), meet)
    assert len(steps) == 5


def test_searches_of_other_problems_do_not_mix(tmp_path: Path, spec: SearchSpec) -> None:
    other = build_search_spec(history(), ["A"], TONIGHT, settings_of())
    assert other.name != spec.name
    kept_in(tmp_path, spec)
    assert [step.done for step in kept_in(tmp_path, other)[0]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"trials": 99}, True),
        ({"timeout": 5.0}, True),
        ({"seeds": 2}, False),
        ({"fold_sessions": 9}, False),
        ({"max_concurrent_trials": 2}, False),
    ],
)
def test_a_search_is_found_again_by_what_its_trials_depend_on(
    spec: SearchSpec, changes: dict[str, Any], same: bool
) -> None:
    assert (build_search_spec(history(), TICKERS, TONIGHT, settings_of(**changes)).name == spec.name) is same


def test_a_damaged_file_is_one_sentence(tmp_path: Path, spec: SearchSpec) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database" * 1000)
    with pytest.raises(StudyCorruptError, match="move that file away"), open_study(tmp_path, spec.name):
        raise AssertionError("it cannot be opened")


def test_optuna_says_nothing_of_its_own(
    tmp_path: Path, spec: SearchSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    kept_in(tmp_path, spec)
    lines = capsys.readouterr()
    assert (lines.out, lines.err) == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING
