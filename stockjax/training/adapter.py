"""A ticker's own correction of the log-scale, and the shape of the residuals.

The network's log-scale is moved by a linear function of the standardised inputs, fitted to
the ticker's own past and shrunk hard towards nothing: a few thousand returns say little
about any one ticker that the universe has not said already.
"""

from dataclasses import dataclass
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from stockjax.distribution import LEVELS
from stockjax.features import Features
from stockjax.model.network import Parameters, apply_network
from stockjax.training.windows import BURN_IN, LABELS_PER_WINDOW, WINDOW, Batch, contiguous_windows

SESSIONS_SEEN = 24 * LABELS_PER_WINDOW
"""Sessions at the end of a history that the correction and the residuals are taken from."""

RIDGE = 3000.0
"""Strength of the pull of each weight towards 0, in units of Fisher information."""

HALF_LIFE = 500.0
"""Sessions after which a return counts half."""

_SCORING_STEPS = 3
# An input that hardly moved so far may move later, and must not blow the scale up then.
_SMALLEST_SPREAD = 0.05
# Sessions from each place of the windows to the end of the history.
_AGES = (
    SESSIONS_SEEN
    + BURN_IN
    - 1
    - LABELS_PER_WINDOW * np.arange(SESSIONS_SEEN // LABELS_PER_WINDOW)[:, None]
    - np.arange(WINDOW)
).astype(np.float32)
# So many residuals count as much as the fitted Student t does before any is seen.
_PRIOR_RESIDUALS = 250


@dataclass(frozen=True)
class PastPrediction:
    """What networks say of a ticker's last SESSIONS_SEEN sessions, and of the LABELS_PER_WINDOW before.

    Attributes
    ----------
    location, log_scale
        (windows, WINDOW), averaged over seeds.
    freedom
        Degrees of freedom, ().
    windows
        What the networks were given, and the labels; empty windows first.

    """

    location: jax.Array
    log_scale: jax.Array
    freedom: jax.Array
    windows: Batch

    @property
    def residuals(self) -> npt.NDArray[np.float64]:
        """Known labels of the last SESSIONS_SEEN sessions, moved to location 0 and scale 1, (n,)."""
        location = np.asarray(self.location, dtype=float)
        scaled = (self.windows.labels.astype(float) - location) * np.exp(
            -np.asarray(self.log_scale, dtype=float)
        )
        found: npt.NDArray[np.float64] = scaled[1:][self.windows.known[1:]]
        return found


def predict_distribution(networks: Parameters, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Location and log-scale (windows, WINDOW) and degrees of freedom (), averaged over seeds.

    Parameters
    ----------
    networks
        Stacked over seeds.
    inputs
        (windows, WINDOW, features).

    """
    location, log_scale, freedom = jax.vmap(apply_network, in_axes=(0, None))(networks, inputs)
    return location.mean(axis=0), log_scale.mean(axis=0), freedom.mean()


@jax.jit
def _predict(networks: Parameters, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    return predict_distribution(networks, inputs)


def predict_past(networks: Parameters, features: Features, row: int, length: int) -> PastPrediction:
    """Predict a ticker's last sessions. The same compiled program for every ticker.

    Parameters
    ----------
    networks
        Stacked over seeds.
    features, row, length
        The universe, the ticker's row in it and its number of sessions.

    """
    windows = contiguous_windows(features, row, length - SESSIONS_SEEN - LABELS_PER_WINDOW, length)
    location, log_scale, freedom = _predict(networks, windows.inputs)
    return PastPrediction(location, log_scale, freedom, windows)


def residual_quantiles(
    residuals: npt.NDArray[np.float64], student_t: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Quantiles at LEVELS, (5,): half those of the residuals, half those of the Student t.

    With few residuals the Student t counts for more.

    Parameters
    ----------
    residuals
        (n,) of all tickers together.
    student_t
        (5,) quantiles of the fitted Student t, of scale 1.

    """
    weight = 0.5 * len(residuals) / (len(residuals) + _PRIOR_RESIDUALS)
    empirical = np.quantile(residuals, LEVELS) if len(residuals) else student_t
    blended: npt.NDArray[np.float64] = weight * empirical + (1 - weight) * student_t
    return blended


def standardisation(
    features: Features, lengths: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mean and spread of every input over all tickers' sessions, (features,) each."""
    # A ticker at a time: as numbers of eight bytes, those of all of them would fill the memory.
    seen = [features.inputs[row, features.first : length] for row, length in enumerate(lengths)]
    count = sum(map(len, seen))
    nothing = np.zeros(features.inputs.shape[-1])
    mean = sum((each.sum(axis=0, dtype=np.float64) for each in seen), nothing) / count
    squares = sum((((each - mean) ** 2).sum(axis=0) for each in seen), nothing)
    return (
        mean.astype(np.float32),
        np.maximum(np.sqrt(squares / count), _SMALLEST_SPREAD).astype(np.float32),
    )


@partial(jax.jit, static_argnames=("ridge",))
def _fit(
    location: jax.Array,
    log_scale: jax.Array,
    freedom: jax.Array,
    inputs: jax.Array,
    labels: jax.Array,
    known: jax.Array,
    center: jax.Array,
    spread: jax.Array,
    first: jax.Array,
    *,
    ridge: float,
) -> jax.Array:
    """Weights (1 + features,) by Fisher scoring: the information of a log-scale is 2ν/(ν+3).

    Lange, Little and Taylor, JASA 84 (1989), for the score and the information.
    """
    location, log_scale, inputs, labels, known = (
        jax.lax.dynamic_slice_in_dim(each, first, len(_AGES))
        for each in (location, log_scale, inputs, labels, known)
    )
    regressors = design(inputs, center, spread)
    weight = jnp.where(known, 0.5 ** (_AGES / HALF_LIFE), 0.0).ravel()
    information = 2 * freedom / (freedom + 3)
    weighted = regressors * (weight * information)[:, None]
    gram = weighted.T @ regressors
    penalty = ridge * jnp.eye(gram.shape[0], dtype=gram.dtype)

    def step(weights: jax.Array, _: None) -> tuple[jax.Array, None]:
        residual = (labels - location).ravel() * jnp.exp(-log_scale.ravel() - regressors @ weights)
        score = (freedom + 1) * residual**2 / (freedom + residual**2) - 1
        return jnp.linalg.solve(gram + penalty, regressors.T @ (weight * score) + gram @ weights), None

    weights, _ = jax.lax.scan(step, jnp.zeros(gram.shape[0], gram.dtype), None, length=_SCORING_STEPS)
    return weights


def design(inputs: jax.Array, center: jax.Array, spread: jax.Array) -> jax.Array:
    """A 1 and the standardised inputs of each session, (sessions, 1 + features)."""
    flat = inputs.reshape(-1, inputs.shape[-1])
    return jnp.concatenate([jnp.ones_like(flat[:, :1]), (flat - center[None]) / spread[None]], axis=1)


def fit_adapter(
    seen: PastPrediction,
    center: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    *,
    held_out: bool = False,
    ridge: float = RIDGE,
) -> npt.NDArray[np.float32]:
    """Weights of one ticker's correction, (1 + features,): what is added to the log-scale is
    their product with a 1 and the standardised inputs. The same compiled program for every ticker.

    Parameters
    ----------
    center, spread
        (features,) of `standardisation`.
    held_out
        Whether the last LABELS_PER_WINDOW sessions are left out, and as many earlier ones taken instead.

    """
    windows = (seen.windows.inputs, seen.windows.labels, seen.windows.known)
    first = np.int32(not held_out)
    weights = _fit(seen.location, seen.log_scale, seen.freedom, *windows, center, spread, first, ridge=ridge)
    return cast(npt.NDArray[np.float32], np.asarray(weights))
