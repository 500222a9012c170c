"""Training the base: one network, in several seeds, on all tickers together."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from stockjax.features import Features, feature_names
from stockjax.model.network import Parameters, initial_parameters
from stockjax.settings import TrainingSettings
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.training.optimiser import base_optimiser, mean_loss, train_step
from stockjax.training.windows import WINDOW, Batch, Sampler, contiguous_windows

BATCH = 64
EVAL_EVERY = 50
PATIENCE = 3
VALIDATION_SESSIONS = 252
MAX_VALIDATION_WINDOWS = 256
MIN_SESSIONS = (WINDOW + 1) * 3 // 2
"""Windows, steps and sessions; fixed, so that every universe runs the same programs."""

ProgressFn = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrainedBase:
    """Parameters stacked over seeds, the steps they were given and the loss held out.

    Attributes
    ----------
    holdout
        A single network of the same recipe, stacked like them, that has not seen the last GATE_SESSIONS
        sessions; None where histories are too short to leave them out, or nothing was trained.

    """

    parameters: Parameters
    steps: int
    validation_loss: float
    holdout: Parameters | None


@partial(jax.jit, donate_argnames=("parameters", "state"))
def _train(
    parameters: Parameters,
    state: optax.OptState,
    inputs: jax.Array,
    labels: jax.Array,
    known: jax.Array,
    *,
    rate: float | jax.Array,
    decay: float | jax.Array,
    total_steps: int | jax.Array,
) -> tuple[Parameters, optax.OptState]:
    """One optimiser step per leading index of the batches (steps, BATCH, WINDOW, …)."""
    optimiser = base_optimiser(rate, decay, total_steps)

    def step(
        carry: tuple[Parameters, optax.OptState], batch: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[tuple[Parameters, optax.OptState], None]:
        return train_step(optimiser, *carry, batch), None

    carry, _ = jax.lax.scan(step, (parameters, state), (inputs, labels, known))
    return carry


@jax.jit
def _loss(
    parameters: Parameters, inputs: jax.Array, labels: jax.Array, known: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Mean loss of BATCH windows and how many labels it is over."""
    return mean_loss(parameters, inputs, labels, known), jnp.sum(known)


def train_base(
    features: Features,
    lengths: npt.NDArray[np.int64],
    settings: TrainingSettings,
    seed: int,
    workers: int = 1,
    progress: ProgressFn | None = None,
) -> TrainedBase:
    """Find the number of steps on validation sessions, then train every seed on all of the history.

    The number of steps is found without the last GATE_SESSIONS sessions. The network that was trained
    for it, the holdout network, is compared with that of another base on them.

    Where no ticker has a whole window, and in mode `own`, the base stays as it begins: the
    random walk with EWMA volatility, after no steps.

    Parameters
    ----------
    features
        Of a history cut at the session through which to train.
    lengths
        (N,) sessions of each ticker.
    progress
        Called with what is being done, steps done and steps at most.

    """
    report = progress or (lambda what, done, most: None)
    steps, loss, holdout = _choose_steps(features, lengths, settings, seed, report)
    first = np.full(len(lengths), features.first)
    done = 0

    def one_seed(number: int) -> Parameters:
        """The network of one seed after the steps that were found."""
        nonlocal done
        sampler = Sampler(features, first, lengths, [seed, number, steps])
        trained = BaseRun(settings, seed + number, steps)
        for _ in range(steps // EVAL_EVERY):
            trained.advance(sampler)
            done += EVAL_EVERY
            report("training the base", done, steps * settings.seeds)
        return trained.parameters

    with ThreadPoolExecutor(workers) as pool:
        seeds = list(pool.map(one_seed, range(settings.seeds)))
    return TrainedBase(_stacked(seeds), steps, loss, holdout)


@cache
def untrained(settings: TrainingSettings, seed: int) -> Parameters:
    """Where every base begins, stacked over seeds: the random walk with EWMA volatility."""
    seeds = [
        initial_parameters(len(feature_names(settings.extra_features)), settings.hidden, seed + number)
        for number in range(settings.seeds)
    ]
    return _stacked(seeds)


def _stacked(networks: Sequence[Parameters]) -> Parameters:
    # By NumPy: for JAX each shape of an array that is stacked is a program to compile.
    stacked: Parameters = jax.tree.map(
        lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *networks
    )
    return stacked


def untrained_alone(settings: TrainingSettings, seed: int) -> Parameters:
    """The same with a single seed, as a holdout network is."""
    start: Parameters = jax.tree.map(
        lambda leaf: np.asarray(leaf)[None],
        initial_parameters(len(feature_names(settings.extra_features)), settings.hidden, seed),
    )
    return start


class BaseRun:
    """One network being trained, a chunk of steps at a time.

    Parameters
    ----------
    total_steps
        Steps over which the learning rate falls.

    """

    def __init__(self, settings: TrainingSettings, seed: int, total_steps: int) -> None:
        self._rates = {
            "rate": settings.learning_rate,
            "decay": settings.weight_decay,
            "total_steps": total_steps,
        }
        self.parameters = initial_parameters(
            len(feature_names(settings.extra_features)), settings.hidden, seed
        )
        optimiser = base_optimiser(settings.learning_rate, settings.weight_decay, total_steps)
        self._state = optimiser.init(self.parameters)

    def advance(self, sampler: Sampler) -> None:
        """Take the steps of one evaluation on windows from `sampler`."""
        batch = sampler.draw((EVAL_EVERY, BATCH))
        self.parameters, self._state = _train(
            self.parameters, self._state, batch.inputs, batch.labels, batch.known, **self._rates
        )


def _choose_steps(
    features: Features,
    lengths: npt.NDArray[np.int64],
    settings: TrainingSettings,
    seed: int,
    report: ProgressFn,
) -> tuple[int, float, Parameters | None]:
    """Early stopping: the evaluation with the lowest validation loss, that loss, and the holdout network.

    At least the steps of one evaluation are returned where training is possible.
    """
    first = np.full(len(lengths), features.first)
    held_out = np.minimum(VALIDATION_SESSIONS, lengths // 3)
    boundary = lengths - held_out
    spared = bool(held_out.max(initial=0) > GATE_SESSIONS)
    # Tickers too short for validation are left out.
    last = np.maximum(lengths - GATE_SESSIONS, boundary) if spared else lengths
    sampler = Sampler(features, first, boundary, [seed])
    validation = _validation(features, boundary, last, seed)
    run = BaseRun(settings, seed, settings.base_steps)
    best, best_loss, holdout = 0, float("inf"), None
    if settings.mode == "own" or sampler.windows == 0:
        return 0, mean_loss_over(run.parameters, validation), None
    for step in range(EVAL_EVERY, settings.base_steps + 1, EVAL_EVERY):
        run.advance(sampler)
        loss = mean_loss_over(run.parameters, validation)
        report("finding how long to train the base", step, settings.base_steps)
        if loss < best_loss or holdout is None:
            # The arrays themselves are given away to the next step.
            holdout = jax.tree.map(lambda leaf: np.asarray(leaf)[None].copy(), run.parameters)
        if loss < best_loss:
            best, best_loss = step, loss
        elif step - best >= PATIENCE * EVAL_EVERY:
            break
    return max(best, EVAL_EVERY), best_loss, holdout if spared else None


def _validation(
    features: Features, boundary: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], seed: int
) -> list[Batch]:
    parts = [
        contiguous_windows(features, row, int(start), int(end))
        for row, (start, end) in enumerate(zip(boundary, lengths, strict=True))
        if end > start
    ]
    windows = Batch(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("inputs", "labels", "known"))
    )
    count = len(windows.inputs)
    if count > MAX_VALIDATION_WINDOWS:
        kept = np.sort(np.random.default_rng(seed).choice(count, MAX_VALIDATION_WINDOWS, replace=False))
        windows = Batch(windows.inputs[kept], windows.labels[kept], windows.known[kept])
    return [_padded(windows, start) for start in range(0, len(windows.inputs), BATCH)]


def _padded(windows: Batch, start: int) -> Batch:
    def part(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        chunk = values[start : start + BATCH]
        return np.concatenate([chunk, np.zeros((BATCH - len(chunk), *chunk.shape[1:]), chunk.dtype)])

    return Batch(part(windows.inputs), part(windows.labels), part(windows.known))


def mean_loss_over(parameters: Parameters, batches: list[Batch]) -> float:
    """Mean loss in nats of all known labels of batches of BATCH windows."""
    total, count = 0.0, 0
    for batch in batches:
        loss, known = _loss(parameters, batch.inputs, batch.labels, batch.known)
        total += float(loss) * int(known)
        count += int(known)
    return total / max(count, 1)
