"""The Optuna study behind a search: where it is kept, and how it goes on after a kill.

A search holds the lock of its flow on the warehouse, which the operating system releases when
its process dies. A trial that is under way in the file when a search begins is therefore a dead
process's, whatever it died of, and is begun again at once. A heartbeat would say so only after a
time of grace, and have a thread write to the file all along.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from warnings import catch_warnings, simplefilter

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from stockjax.errors import StudyCorruptError

DATABASE = "tuning.db"
CURRENT = "current"
REASON = "reason"
"""Attributes of a trial: that it has the current settings, and why it failed."""

PRUNE_BELOW = 0.1
"""p value of the Wilcoxon test; see `pruner`."""

SEEN_FIRST = 8
"""Weeks that a trial is judged by at the least."""


@contextmanager
def open_study(folder: Path, name: str) -> Generator[optuna.Study]:
    """The study of that name in a warehouse's file of searches, made if it is not there.

    Raises
    ------
    StudyCorruptError
        The file is damaged, or was written by another release of Optuna.

    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / DATABASE
    try:
        storage = _storage(file)
        study = optuna.create_study(
            storage=storage, study_name=name, direction="minimize", load_if_exists=True, pruner=pruner()
        )
    except (RuntimeError, SQLAlchemyError) as error:
        reason = str(error).partition("\n")[0]
        raise StudyCorruptError(
            f"the searches in '{file}' cannot be read ({reason}); move that file away, and the search "
            "starts again"
        ) from error
    try:
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _storage(file: Path) -> optuna.storages.RDBStorage:
    """SQLite with a write-ahead log: as safe against a kill, without a wait for the disk at each commit.

    After a power cut the last commits may be missing; the file is whole.
    """
    # Connections are closed when they are no longer used, also those of a file that cannot be read.
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{file.resolve().as_posix()}", engine_kwargs={"poolclass": NullPool}
    )

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(storage.engine, "connect", prepare)
    return storage


def pruner() -> optuna.pruners.BasePruner:
    """Ends a trial that looks worse than the best so far, asked after every fold.

    Folds are few and differ more from each other than configurations do: a median of values
    at the same fold, as `MedianPruner` takes it, would end half of the trials on noise alone.
    The differences to the best trial on the same sessions are small and steady instead, which is
    what a Wilcoxon signed-rank test of pairs sees. Its pairs are weeks of five sessions: three folds
    could never be significant. At this threshold it also ends some that are no worse, which costs a
    search little: they could hardly be distinguished from the best.
    """
    with catch_warnings():
        simplefilter("ignore", ExperimentalWarning)
        return optuna.pruners.WilcoxonPruner(p_threshold=PRUNE_BELOW, n_startup_steps=SEEN_FIRST)


def sampler(seed: int, place: int) -> optuna.samplers.BaseSampler:
    """A sampler of its own for every trial, so that a search that goes on draws what it would have.

    Parameters
    ----------
    place
        How many trials stand before it.

    """
    return optuna.samplers.TPESampler(seed=int(np.random.SeedSequence([seed, place]).generate_state(1)[0]))


def valid_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count: all but those that were cut off, which failed and cannot say why."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state != TrialState.FAIL or REASON in trial.user_attrs
    ]


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Those of them that have ended."""
    return [trial for trial in valid_trials(study) if trial.state.is_finished()]


def requeue_dead_trials(study: optuna.Study) -> int:
    """Mark trials of a dead process as failed and put them in line again; returns how many."""
    dead = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in dead:
        attributes = {CURRENT: True} if CURRENT in trial.user_attrs else {}
        # In this order: killed in between, a trial is tried twice rather than lost.
        study.enqueue_trial(trial.params, user_attrs=attributes)
        study.tell(trial.number, state=TrialState.FAIL)
    return len(dead)
