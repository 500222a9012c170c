"""Training one ticker: all the LSTM's weights, a few steps, from the base or from nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from stockjax.features import Features
from stockjax.model.network import Parameters
from stockjax.settings import TrainingSettings
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.training.optimiser import mean_loss, ticker_optimiser, train_step
from stockjax.training.windows import LABELS_PER_WINDOW, WINDOW, Sampler, contiguous_windows

SESSIONS = 2048
"""Sessions that a ticker's own training sees at most; shorter histories are padded to it."""

VALIDATION_SESSIONS = LABELS_PER_WINDOW
"""Sessions before the unseen ones that early stopping looks at and training does not."""

BATCH = 8
EVALUATIONS = 4
L2_SP_WEIGHT = 1.0
"""Strength of the pull towards the base; see `optimiser.descend`."""


class Recipe(NamedTuple):
    """How a ticker's weights move: towards the base where there is one, else decaying."""

    steps: int
    rate: float
    l2_sp_weight: float
    decay: float


def recipe(settings: TrainingSettings) -> Recipe:
    """The recipe of the mode; of `adapter`, which moves no weights, that of `full`."""
    if settings.mode == "own":
        return Recipe(settings.own_steps, settings.learning_rate, 0.0, settings.weight_decay)
    return Recipe(settings.ticker_steps, settings.ticker_learning_rate, L2_SP_WEIGHT, 0.0)


@dataclass(frozen=True)
class TrainedTicker:
    """Parameters stacked over seeds, and how they did on the stretch that was held out.

    Attributes
    ----------
    steps
        Optimiser steps behind the parameters; 0 if no step did better than the start.
    validation_loss, start_loss
        Mean loss in nats of these parameters and of those that training started from.

    """

    parameters: Parameters
    steps: int
    validation_loss: float
    start_loss: float


def _mean_over_seeds(parameters: Parameters, windows: tuple[jax.Array, ...]) -> jax.Array:
    return jnp.mean(jax.vmap(mean_loss, in_axes=(0, None, None, None))(parameters, *windows))


_held_out_loss = jax.jit(_mean_over_seeds)


def _train(
    start: Parameters,
    base: Parameters,
    inputs: jax.Array,
    labels: jax.Array,
    known: jax.Array,
    starts: jax.Array,
    held_out: tuple[jax.Array, jax.Array, jax.Array],
    *,
    rate: float | jax.Array,
    l2_sp_weight: float,
    decay: float | jax.Array,
) -> tuple[Parameters, jax.Array, jax.Array]:
    """Train all seeds; returns the parameters of the best look, its number and every look's loss.

    Shapes: parameters (seeds, …); inputs (SESSIONS, features); labels and known (SESSIONS,);
    starts (looks, steps, seeds, BATCH); held_out: windows as in `Batch`. Look 0 is the start.
    """
    optimiser = ticker_optimiser(rate, decay)

    def windows(firsts: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        columns = firsts[:, None] + jnp.arange(WINDOW)[None, :]
        return (
            inputs[columns],
            labels[columns],
            known[columns] & (jnp.arange(WINDOW) >= WINDOW - LABELS_PER_WINDOW)[None, :],
        )

    def one_seed(
        parameters: Parameters, state: Any, target: Parameters, firsts: jax.Array
    ) -> tuple[Parameters, Any]:
        return train_step(
            optimiser, parameters, state, windows(firsts), target if l2_sp_weight else None, l2_sp_weight
        )

    def step(carry: tuple[Parameters, Any], firsts: jax.Array) -> tuple[tuple[Parameters, Any], None]:
        return jax.vmap(one_seed)(*carry, base, firsts), None

    def evaluation(carry: tuple[Any, ...], firsts: jax.Array) -> tuple[tuple[Any, ...], jax.Array]:
        parameters, state, best, best_loss, best_evaluation, number = carry
        (parameters, state), _ = jax.lax.scan(step, (parameters, state), firsts)
        loss = _mean_over_seeds(parameters, held_out)
        better = loss < best_loss
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), parameters, best)
        best_loss, best_evaluation = (
            jnp.where(better, loss, best_loss),
            jnp.where(better, number, best_evaluation),
        )
        return (parameters, state, best, best_loss, best_evaluation, number + 1), loss

    at_start = _mean_over_seeds(start, held_out)
    state = jax.vmap(optimiser.init)(start)
    first_evaluation = (start, state, start, at_start, jnp.int32(0), jnp.int32(1))
    (_, _, best, _, best_evaluation, _), losses = jax.lax.scan(evaluation, first_evaluation, starts)
    return best, best_evaluation, jnp.concatenate([at_start[None], losses])


_retrain = jax.jit(_train, static_argnames=("l2_sp_weight",))


@partial(jax.jit, static_argnames=("l2_sp_weight",))
def _retrain_group(
    starts: Parameters,
    base: Parameters,
    tickers: tuple[Any, ...],
    *,
    rate: float | jax.Array,
    l2_sp_weight: float,
    decay: float | jax.Array,
) -> tuple[Parameters, jax.Array, jax.Array]:
    """Several tickers as one batched program: the arrays of `_train` with one more axis in front."""

    def one(start: Parameters, arrays: tuple[Any, ...]) -> tuple[Parameters, jax.Array, jax.Array]:
        return _train(start, base, *arrays, rate=rate, l2_sp_weight=l2_sp_weight, decay=decay)

    return jax.vmap(one)(starts, tickers)


def retrain_ticker(
    start: Parameters,
    base: Parameters,
    features: Features,
    row: int,
    length: int,
    settings: TrainingSettings,
    seed: int,
) -> TrainedTicker:
    """Train one ticker on its own history; the same compiled program for every ticker.

    Parameters
    ----------
    start
        Parameters to begin with, stacked over seeds: the base's, the ticker's champion's, or
        in mode `own` untrained ones.
    base
        Parameters that training is pulled towards; in mode `own` there is no pull.
    features, row, length
        The universe, the ticker's row in it and its number of sessions, which must exceed
        HOLDOUT + GATE_SESSIONS + WINDOW.

    """
    chosen = recipe(settings)
    best, evaluation, losses = _retrain(
        start,
        base,
        *_arrays(features, row, length, settings, seed),
        rate=chosen.rate,
        l2_sp_weight=chosen.l2_sp_weight,
        decay=chosen.decay,
    )
    return _trained(best, int(evaluation), np.asarray(losses, dtype=float), chosen)


def retrain_group(
    starts: Sequence[Parameters],
    base: Parameters,
    features: Features,
    rows: Sequence[int],
    lengths: Sequence[int],
    settings: TrainingSettings,
    seeds: Sequence[int],
    size: int,
) -> list[TrainedTicker]:
    """Train several tickers as one program, as `retrain_ticker` trains each: a GPU is idle with one.

    Parameters
    ----------
    starts, rows, lengths, seeds
        Those of each ticker, at most `size` of them.
    size
        Tickers of the compiled program; the last one is repeated where there are fewer.

    """
    chosen = recipe(settings)
    places = np.minimum(np.arange(size), len(rows) - 1)
    arrays = [
        _arrays(features, row, length, settings, seed)
        for row, length, seed in zip(rows, lengths, seeds, strict=True)
    ]
    best, evaluations, losses = _retrain_group(
        jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves])[places], *starts),
        base,
        jax.tree.map(lambda *leaves: np.stack(leaves)[places], *arrays),
        rate=chosen.rate,
        l2_sp_weight=chosen.l2_sp_weight,
        decay=chosen.decay,
    )
    best = jax.tree.map(np.asarray, best)
    seen = np.asarray(losses, dtype=float)
    return [
        _trained(
            jax.tree.map(lambda leaf, place=place: leaf[place], best), int(evaluation), seen[place], chosen
        )
        for place, evaluation in enumerate(np.asarray(evaluations)[: len(rows)])
    ]


def _arrays(
    features: Features, row: int, length: int, settings: TrainingSettings, seed: int
) -> tuple[Any, ...]:
    """What the training of a ticker sees: inputs, labels, known, starts and held_out of `_train`."""
    first = max(length - SESSIONS, features.first)
    inputs, labels = _padded(features, row, first, length)
    boundary = length - GATE_SESSIONS - VALIDATION_SESSIONS
    one = Features(inputs[None], labels[None], features.volatility[row : row + 1], first=0)
    sampler = Sampler(one, np.array([0]), np.array([boundary - first]), [seed])
    steps = recipe(settings).steps // EVALUATIONS
    _, starts = sampler.starts((EVALUATIONS, steps, settings.seeds, BATCH))
    known = ~np.isnan(labels)
    return inputs, np.nan_to_num(labels), known, starts.astype(np.int32), _held_out(features, row, length)


def _trained(
    best: Parameters, evaluation: int, losses: npt.NDArray[np.float64], chosen: Recipe
) -> TrainedTicker:
    steps = evaluation * (chosen.steps // EVALUATIONS)
    return TrainedTicker(best, steps, float(losses[evaluation]), float(losses[0]))


def held_out_loss(parameters: Parameters, features: Features, row: int, length: int) -> float:
    """Mean loss in nats, over the seeds, on the stretch that a ticker's training holds out."""
    return float(_held_out_loss(parameters, _held_out(features, row, length)))


def _held_out(
    features: Features, row: int, length: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    windows = contiguous_windows(
        features, row, length - GATE_SESSIONS - VALIDATION_SESSIONS, length - GATE_SESSIONS
    )
    return windows.inputs, windows.labels, windows.known


def _padded(
    features: Features, row: int, first: int, length: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A ticker's last sessions in arrays of always the same length."""
    size = length - first
    inputs = np.zeros((SESSIONS, features.inputs.shape[-1]), np.float32)
    labels = np.full(SESSIONS, np.nan, np.float32)
    inputs[:size] = features.inputs[row, first:length]
    labels[:size] = features.labels[row, first:length]
    return inputs, labels
