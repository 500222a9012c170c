"""Running trained networks over many tickers and sessions with one compiled program."""

from dataclasses import dataclass
from typing import cast

import jax
import numpy as np
import numpy.typing as npt

from stockjax.model.network import Parameters, apply_network

ROWS = 64
"""Forecasts per call of the compiled program; fewer are padded."""


@dataclass(frozen=True)
class Prediction:
    """What the networks say of the next session, in units of today's volatility.

    Each (rows, seeds): location and log-scale of a Student t, and its degrees of freedom.
    """

    location: npt.NDArray[np.float64]
    log_scale: npt.NDArray[np.float64]
    freedom: npt.NDArray[np.float64]


@jax.jit
def _predict(parameters: Parameters, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Parameters (ROWS, seeds, …) and inputs (ROWS, WINDOW, features), one row after the other.

    Rows are never in one matrix product, so that a forecast has the same bits whatever
    else is forecast with it.
    """

    def one(row: tuple[Parameters, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        own, window = row
        location, log_scale, freedom = jax.vmap(apply_network, in_axes=(0, None))(own, window[None])
        return location[:, 0, -1], log_scale[:, 0, -1], freedom

    return cast(tuple[jax.Array, jax.Array, jax.Array], jax.lax.map(one, (parameters, inputs)))


def predict(parameters: Parameters, inputs: npt.NDArray[np.float32]) -> Prediction:
    """Predict the session after each window.

    Parameters
    ----------
    parameters
        Stacked over rows and seeds, leaves (rows, seeds, …).
    inputs
        (rows, WINDOW, features), as `inference_windows` makes them.

    """
    rows = len(inputs)
    parts = []
    for start in range(0, rows, ROWS):
        kept = np.minimum(np.arange(start, start + ROWS), rows - 1)
        chunk = jax.tree.map(lambda leaf, kept=kept: np.asarray(leaf)[kept], parameters)
        parts.append([np.asarray(part, dtype=float) for part in _predict(chunk, inputs[kept])])
    joined = [np.concatenate(pieces)[:rows] for pieces in zip(*parts, strict=True)]
    return Prediction(*joined)
