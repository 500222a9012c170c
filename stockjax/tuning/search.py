"""Trying configurations, several at once, and remembering what came of each.

Threads train; one thread asks, judges and writes. It takes outcomes in the order in which the
work was begun, not in that in which it ends, so that the same seed finds the same configurations
however many threads there are and however fast they run.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from stockjax.errors import TrainingFailedError
from stockjax.settings import Settings, TrainingSettings
from stockjax.tuning import trials
from stockjax.tuning.folds import Array, Fold
from stockjax.tuning.objective import fold_losses
from stockjax.tuning.search_spec import SearchSpec
from stockjax.tuning.study_storage import (
    CURRENT,
    REASON,
    finished_trials,
    requeue_dead_trials,
    sampler,
    valid_trials,
)
from stockjax.tuning.trials import TrialResult, mean_loss, paired_skill, trial_result

SESSIONS_OF_A_WEEK = 5

Objective = Callable[[Fold, TrainingSettings, Settings], Array]
"""From a fold and settings of training to the loss of each of its forecasts, (n,), in basis points."""


@dataclass(frozen=True)
class SearchProgress:
    """How far a search has come, with the configuration that has just ended."""

    done: int
    of: int
    result: TrialResult

    @property
    def line(self) -> str:
        """The same for people."""
        return f"{self.result.line} ({self.done} of {self.of})"


@dataclass
class _Running:
    """A trial under way: the folds that it is through, and the one that it is at."""

    trial: optuna.Trial
    training: TrainingSettings
    at: Future[Array]
    sums: list[Array] = field(default_factory=list)


class Search:
    """One study and the threads that work for it.

    Parameters
    ----------
    objective
        What a configuration is judged by.

    """

    def __init__(self, study: optuna.Study, spec: SearchSpec, objective: Objective = fold_losses) -> None:
        self._study = study
        self._spec = spec
        self._objective = objective
        self._tune = spec.settings.tune
        self._current: list[Array] = []

    def run(self) -> Iterator[SearchProgress]:
        """Try configurations until there are as many as the settings say, or time is up.

        The current settings come first: all others are compared with them. What an earlier
        run has tried is not tried again.

        Raises
        ------
        TrainingFailedError
            The current settings cannot be trained.

        """
        begun = time.monotonic()
        requeue_dead_trials(self._study)
        with ThreadPoolExecutor(self._spec.settings.worker_count) as pool:
            try:
                yield from self._try_current(pool)
                yield from self._try_others(pool, begun)
            finally:
                # Cut off: what no thread has begun yet is for the next run.
                pool.shutdown(wait=True, cancel_futures=True)

    def _try_current(self, pool: ThreadPoolExecutor) -> Iterator[SearchProgress]:
        """All folds at once: nothing can be pruned yet."""
        known = [trial for trial in valid_trials(self._study) if CURRENT in trial.user_attrs]
        if not known:
            self._study.enqueue_trial(self._spec.space.start, user_attrs={CURRENT: True})
        if not any(trial.state == TrialState.COMPLETE for trial in known):
            trial, training = self._ask()
            at_work = [self._submit(pool, training, fold) for fold in self._spec.folds]
            running = _Running(trial, training, at_work[0])
            try:
                for running.at in at_work:
                    self._take(running)
            except TrainingFailedError as error:
                raise TrainingFailedError(
                    f"the current settings cannot be searched from: {error}; set training.* to what works"
                ) from error
            yield self._complete(running)
        ended = next(trial for trial in finished_trials(self._study) if CURRENT in trial.user_attrs)
        self._current = trials.fold_sums(ended, len(self._spec.folds))

    def _try_others(self, pool: ThreadPoolExecutor, begun: float) -> Iterator[SearchProgress]:
        under_way: deque[_Running] = deque()
        while True:
            while len(under_way) < self._tune.max_concurrent_trials and self._another(begun, len(under_way)):
                trial, training = self._ask()
                under_way.append(_Running(trial, training, self._submit(pool, training, self._spec.folds[0])))
            if not under_way:
                return
            oldest = under_way.popleft()
            ended = self._advance(oldest)
            if ended:
                yield ended
            else:
                fold = self._spec.folds[len(oldest.sums)]
                oldest.at = self._submit(pool, oldest.training, fold)
                under_way.append(oldest)

    def _another(self, begun: float, under_way: int) -> bool:
        """Whether one more configuration may be begun."""
        if len(finished_trials(self._study)) + under_way >= self._tune.trials:
            return False
        return not self._tune.timeout or time.monotonic() - begun < self._tune.timeout

    def _ask(self) -> tuple[optuna.Trial, TrainingSettings]:
        # Those that wait in line count only once they are begun.
        place = sum(trial.state != TrialState.WAITING for trial in valid_trials(self._study))
        self._study.sampler = sampler(self._spec.settings.seed, place)
        trial = self._study.ask(self._spec.space.distributions)
        trial.set_user_attr(trials.CHANGES, self._spec.space.changes(trial.params))
        training = self._spec.space.training(trial.params)
        return trial, training.model_copy(update={"seeds": self._tune.seeds})

    def _submit(self, pool: ThreadPoolExecutor, training: TrainingSettings, fold: Fold) -> Future[Array]:
        return pool.submit(self._objective, fold, training, self._spec.settings)

    def _advance(self, running: _Running) -> SearchProgress | None:
        """Take the outcome of a fold; what comes of the trial, if that ends it."""
        try:
            self._take(running)
        except TrainingFailedError as error:
            running.trial.set_user_attr(REASON, str(error))
            return self._end(running, TrialState.FAIL)
        if len(running.sums) == len(self._spec.folds):
            return self._complete(running)
        if running.trial.should_prune():
            return self._end(running, TrialState.PRUNED)
        return None

    def _take(self, running: _Running) -> None:
        """Wait for a fold and report by how much each of its weeks is worse than active.

        Folds differ in their level, which must not count: the pruner looks at means as well as at
        pairs, and a trial has means of its first folds only.
        """
        number = len(running.sums)
        fold = self._spec.folds[number]
        sums = fold.by_session(running.at.result())
        worse = sums - self._current[number] if self._current else np.zeros(len(sums))
        weeks = len(sums) // SESSIONS_OF_A_WEEK
        parts = zip(np.array_split(worse, weeks), np.array_split(fold.counts, weeks), strict=True)
        for week, (losses, counts) in enumerate(parts):
            running.trial.report(float(losses.sum() / counts.sum()), number * weeks + week)
        running.trial.set_user_attr(trials.SUMS.format(number), sums.tolist())
        running.sums.append(sums)

    def _complete(self, running: _Running) -> SearchProgress:
        return self._end(running, None, mean_loss(running.sums, self._spec.folds))

    def _end(self, running: _Running, state: TrialState | None, value: float | None = None) -> SearchProgress:
        attributes: dict[str, Any] = {trials.FOLDS: len(running.sums)}
        if running.sums:
            skill = paired_skill(running.sums, self._current or running.sums, self._spec.folds)
            attributes[trials.LOSS] = mean_loss(running.sums, self._spec.folds)
            attributes[trials.SKILL] = [skill.value, skill.low, skill.high]
        for name, attribute in attributes.items():
            running.trial.set_user_attr(name, attribute)
        frozen = self._study.tell(running.trial, value, state=state)
        return SearchProgress(len(finished_trials(self._study)), self._tune.trials, trial_result(frozen))
