"""Networks that are not the product's: other heads, and tickers that learn alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from scipy.special import expit, stdtr
from walk import Array, Fold, Places

from stockjax.distribution import LEVELS
from stockjax.features import FEATURE_NAMES, Features
from stockjax.model.likelihood import masked_mean, student_t_loss
from stockjax.model.network import (
    INITIAL_TAIL,
    LOCATION_UNIT,
    LSTM,
    Parameters,
    degrees_of_freedom,
    initial_parameters,
)
from stockjax.training.base_model import (
    BATCH,
    EVAL_EVERY,
    MAX_VALIDATION_WINDOWS,
    PATIENCE,
    VALIDATION_SESSIONS,
)
from stockjax.training.optimiser import base_optimiser, mean_loss
from stockjax.training.ticker_model import VALIDATION_SESSIONS as TICKER_HOLDOUT
from stockjax.training.windows import Batch, Sampler, contiguous_windows

Loss = Callable[[Parameters, jax.Array, jax.Array, jax.Array], jax.Array]
"""Mean loss of parameters on inputs, labels and which of them are known."""


def _keep_all(parameters: Parameters) -> Parameters:
    return parameters


@dataclass(frozen=True)
class Head:
    """A network that is trained as the base is.

    Attributes
    ----------
    initial
        Untrained parameters from a seed.
    loss
        What training lowers.
    finish
        What is done to parameters once they are trained.

    """

    initial: Callable[[int], Parameters]
    loss: Loss
    finish: Callable[[Parameters], Parameters] = field(default=_keep_all)


@partial(jax.jit, static_argnames=("loss", "rate", "decay", "total"))
def _train(
    parameters: Parameters, state: Any, batches: Any, *, loss: Loss, rate: float, decay: float, total: int
) -> tuple[Parameters, Any]:
    """One optimiser step per leading index of the batches."""
    optimiser = base_optimiser(rate, decay, total)

    def step(carry: tuple[Parameters, Any], batch: Any) -> tuple[tuple[Parameters, Any], None]:
        now, moments = carry
        updates, moments = optimiser.update(jax.grad(loss)(now, *batch), moments, now)
        return (jax.tree.map(jnp.add, now, updates), moments), None

    return jax.lax.scan(step, (parameters, state), batches)[0]


@partial(jax.jit, static_argnames=("loss",))
def _loss_of(parameters: Parameters, batch: Any, *, loss: Loss) -> jax.Array:
    return loss(parameters, *batch)


def _arrays(batch: Batch) -> tuple[Any, Any, Any]:
    return batch.inputs, batch.labels, batch.known


class _Run:
    """One network in training, a look's worth of steps at a time."""

    def __init__(self, head: Head, fold: Fold, seed: int) -> None:
        training = fold.settings.training
        self._fixed = {
            "loss": head.loss,
            "rate": training.learning_rate,
            "decay": training.weight_decay,
            "total": training.base_steps,
        }
        self.parameters = head.initial(seed)
        optimiser = base_optimiser(training.learning_rate, training.weight_decay, training.base_steps)
        self._state = optimiser.init(self.parameters)

    def advance(self, sampler: Sampler) -> None:
        batches = _arrays(sampler.draw((EVAL_EVERY, BATCH)))
        self.parameters, self._state = _train(self.parameters, self._state, batches, **self._fixed)


def train_head(head: Head, fold: Fold) -> Parameters:
    """Train as the product trains its base: a run that finds the steps, then every seed on all data."""
    features, lengths = fold.asof.features, fold.asof.history.lengths
    settings, first = fold.settings, np.full(len(fold.asof.history.lengths), fold.features.first)
    steps = _best_steps(head, fold, first)

    def one_seed(number: int) -> Parameters:
        sampler = Sampler(features, first, lengths, [settings.seed, number, steps])
        run = _Run(head, fold, settings.seed + number)
        for _ in range(steps // EVAL_EVERY):
            run.advance(sampler)
        return head.finish(run.parameters)

    with ThreadPoolExecutor(settings.worker_count) as pool:
        return _stacked(list(pool.map(one_seed, range(settings.training.seeds))))


def _best_steps(head: Head, fold: Fold, first: Places) -> int:
    features, lengths, seed = fold.asof.features, fold.asof.history.lengths, fold.settings.seed
    boundary = lengths - np.minimum(VALIDATION_SESSIONS, lengths // 3)
    sampler = Sampler(features, first, boundary, [seed])
    held_out = _held_out(features, boundary, lengths, seed)
    run, best, best_loss = _Run(head, fold, seed), EVAL_EVERY, float("inf")
    for step in range(EVAL_EVERY, fold.settings.training.base_steps + 1, EVAL_EVERY):
        run.advance(sampler)
        loss = float(_loss_of(run.parameters, held_out, loss=head.loss))
        if loss < best_loss:
            best, best_loss = step, loss
        elif step - best >= PATIENCE * EVAL_EVERY:
            break
    return best


def _held_out(features: Features, boundary: Places, lengths: Places, seed: int) -> tuple[Array, Array, Array]:
    """The windows that the base's early stopping looks at."""
    rows = np.flatnonzero(lengths > boundary)
    parts = [
        _arrays(contiguous_windows(features, int(row), int(boundary[row]), int(lengths[row]))) for row in rows
    ]
    inputs, labels, known = (np.concatenate(part) for part in zip(*parts, strict=True))
    count = len(inputs)
    if count > MAX_VALIDATION_WINDOWS:
        random = np.random.default_rng(seed)
        kept = np.sort(random.choice(count, MAX_VALIDATION_WINDOWS, replace=False))
        inputs, labels, known = inputs[kept], labels[kept], known[kept]
    return inputs, labels, known


def _stacked(each: list[Parameters]) -> Parameters:
    stacked: Parameters = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    return stacked


# Heads of the product's network with something held at zero.


def _without_lstm(parameters: Parameters) -> Parameters:
    head = {**parameters["head"], "kernel": jnp.zeros_like(parameters["head"]["kernel"])}
    return {**parameters, "head": head}


def _without_location(parameters: Parameters) -> Parameters:
    still = {
        part: {name: leaf.at[..., 0].set(0.0) for name, leaf in parameters[part].items()}
        for part in ("head", "skip")
    }
    return {**parameters, **still}


def _still_loss(parameters: Parameters, *batch: jax.Array) -> jax.Array:
    return mean_loss(_without_location(parameters), *batch)


def _linear_loss(parameters: Parameters, *batch: jax.Array) -> jax.Array:
    return mean_loss(_without_lstm(parameters), *batch)


def _one_unit(seed: int) -> Parameters:
    """A network whose LSTM is as small as can be, for its output is not used."""
    return initial_parameters(len(FEATURE_NAMES), 1, seed)


def _as_product(seed: int) -> Parameters:
    return initial_parameters(len(FEATURE_NAMES), 16, seed)


LINEAR = Head(_one_unit, _linear_loss, _without_lstm)


NO_LOCATION = Head(_as_product, _still_loss, _without_location)


# Two Student ts with one location and one tail, of different scales.

_WIDE_SHARE = -2.0
_GAP = 0.5
_LOGITS = np.linspace(-12.0, 12.0, 481)
_BISECTIONS = 60


class Mixture(nnx.Module):
    """The product's network with a third output: the log-odds of the wide component."""

    def __init__(self, features: int, hidden: int, *, rngs: nnx.Rngs) -> None:
        zeros = nnx.initializers.zeros
        self.lstm = LSTM(features, hidden, rngs=rngs)
        self.head = nnx.Linear(hidden, 3, kernel_init=zeros, rngs=rngs)
        self.skip = nnx.Linear(features, 3, use_bias=False, kernel_init=zeros, rngs=rngs)
        self.tail = nnx.Param(jnp.full((), INITIAL_TAIL))
        self.gap = nnx.Param(jnp.full((), _GAP))

    def __call__(self, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Location, log-scale of the narrow component and log-odds of the wide one."""
        by_session = inputs.swapaxes(0, 1)
        output = (self.head(self.lstm(by_session)) + self.skip(by_session)).swapaxes(0, 1)
        return LOCATION_UNIT * output[..., 0], output[..., 1], _WIDE_SHARE + output[..., 2]


def _new_mixture(seed: int) -> Parameters:
    network = Mixture(len(FEATURE_NAMES), 16, rngs=nnx.Rngs(seed))
    parameters: Parameters = nnx.to_pure_dict(nnx.state(network, nnx.Param))
    return parameters


def _run_mixture(parameters: Parameters, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    features, gates = parameters["lstm"]["from_input"]["kernel"].shape
    structure = nnx.eval_shape(lambda: Mixture(features, gates // 4, rngs=nnx.Rngs(0)))
    said: tuple[jax.Array, jax.Array, jax.Array] = nnx.merge(nnx.graphdef(structure), parameters)(inputs)
    return said


def _mixture_loss(
    parameters: Parameters, inputs: jax.Array, labels: jax.Array, known: jax.Array
) -> jax.Array:
    location, log_scale, logit = _run_mixture(parameters, inputs)
    freedom, gap = degrees_of_freedom(parameters["tail"]), jax.nn.softplus(parameters["gap"])
    narrow = student_t_loss(labels, location, log_scale, freedom) - jax.nn.log_sigmoid(-logit)
    wide = student_t_loss(labels, location, log_scale + gap, freedom) - jax.nn.log_sigmoid(logit)
    return masked_mean(-jnp.logaddexp(-narrow, -wide), known)


MIXTURE = Head(_new_mixture, _mixture_loss)


@dataclass(frozen=True)
class MixtureOutlook:
    """As `Outlook`, with the quantiles at LEVELS in units of the log-scale, (tickers, sessions, 5)."""

    location: Array
    log_scale: Array
    shape: Array


@jax.jit
def _mixture_forward(networks: Parameters, inputs: jax.Array) -> tuple[jax.Array, ...]:
    said = jax.vmap(_run_mixture, in_axes=(0, None))(networks, inputs)
    freedom = degrees_of_freedom(networks["tail"]).mean()
    return *(part.mean(axis=0) for part in said), freedom, jax.nn.softplus(networks["gap"]).mean()


def look_mixture(networks: Parameters, features: Features) -> MixtureOutlook:
    """What mixtures, stacked over seeds and averaged, say of every session's successor."""
    said = [np.asarray(part, dtype=float) for part in _mixture_forward(networks, features.inputs)]
    location, log_scale, logit, freedom, gap = said
    known = _mixture_quantiles(float(freedom), float(gap))
    shape = np.stack([np.interp(logit, _LOGITS, column) for column in known.T], axis=-1)
    return MixtureOutlook(location, log_scale, shape)


def _mixture_quantiles(freedom: float, gap: float) -> Array:
    """Quantiles at LEVELS for each of _LOGITS by bisection, (logits, 5); the narrow scale is 1."""
    share = expit(_LOGITS)[:, None]
    low = np.full((len(_LOGITS), len(LEVELS)), -1e3)
    high = -low
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = (1 - share) * stdtr(freedom, middle) + share * stdtr(freedom, middle * np.exp(-gap))
        low, high = np.where(below < LEVELS, middle, low), np.where(below < LEVELS, high, middle)
    found: Array = (low + high) / 2
    return found


# Tickers that learn alone, from an untrained network.

_OWN_LOOKS, _OWN_STEPS, _OWN_BATCH = 6, 10, 16


@partial(jax.jit, static_argnames=("rate", "decay"))
def _train_alone(start: Parameters, batches: Any, held_out: Any, *, rate: float, decay: float) -> Parameters:
    """Train all seeds; the parameters of the look with the lowest loss held out.

    Shapes: start (seeds, …); batches (looks, steps, seeds, _OWN_BATCH, …).
    """
    optimiser = base_optimiser(rate, decay, _OWN_LOOKS * _OWN_STEPS)

    def loss_now(parameters: Parameters) -> jax.Array:
        return jnp.mean(jax.vmap(mean_loss, in_axes=(0, None, None, None))(parameters, *held_out))

    def one_seed(now: Parameters, moments: Any, batch: Any) -> tuple[Parameters, Any]:
        updates, moments = optimiser.update(jax.grad(mean_loss)(now, *batch), moments, now)
        return jax.tree.map(jnp.add, now, updates), moments

    def step(carry: tuple[Parameters, Any], batch: Any) -> tuple[tuple[Parameters, Any], None]:
        return jax.vmap(one_seed)(*carry, batch), None

    def look(carry: tuple[Any, ...], some: Any) -> tuple[tuple[Any, ...], None]:
        now, moments, best, best_loss = carry
        (now, moments), _ = jax.lax.scan(step, (now, moments), some)
        loss = loss_now(now)
        best = jax.tree.map(lambda new, old: jnp.where(loss < best_loss, new, old), now, best)
        return (now, moments, best, jnp.minimum(loss, best_loss)), None

    first = (start, jax.vmap(optimiser.init)(start), start, loss_now(start))
    best: Parameters = jax.lax.scan(look, first, batches)[0][2]
    return best


def untrained(fold: Fold) -> Parameters:
    """Networks that say the random walk with EWMA volatility, stacked over seeds."""
    training, seed = fold.settings.training, fold.settings.seed
    each = [
        initial_parameters(len(FEATURE_NAMES), training.hidden, seed + number)
        for number in range(training.seeds)
    ]
    return _stacked(each)


def train_alone(fold: Fold, start: Parameters, row: int) -> Parameters:
    """One ticker's networks, from its own history and nothing else."""
    features, length = fold.asof.features, int(fold.asof.history.lengths[row])
    training, boundary = fold.settings.training, length - TICKER_HOLDOUT
    one = Features(
        features.inputs[row : row + 1], features.labels[row : row + 1], features.volatility[row : row + 1]
    )
    sampler = Sampler(one, np.array([one.first]), np.array([boundary]), [fold.settings.seed, row])
    batches = _arrays(sampler.draw((_OWN_LOOKS, _OWN_STEPS, training.seeds, _OWN_BATCH)))
    held_out = _arrays(contiguous_windows(features, row, boundary, length))
    trained: Parameters = _train_alone(
        start, batches, held_out, rate=training.learning_rate, decay=training.weight_decay
    )
    return trained
