"""What each input contributed to a forecast's log-scale."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from stockjax.model.network import Parameters, apply_network
from stockjax.training.windows import WINDOW

_POINTS = 48
"""Points on the way from the baseline to the inputs; the sum then misses by single precision only."""


def log_scale_contributions(
    parameters: dict[str, Any], window: npt.NDArray[np.float32], today: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], float]:
    """Integrated gradients of the log-scale, added up over the sessions of the window.

    The contribution of input i is x_i ∫₀¹ ∂F(a x)/∂x_i da, with F the log-scale of the
    networks averaged over the seeds plus the ticker's linear correction, and the integral by
    Gauss-Legendre. The baseline is an input of zeros, which is also what the network sees where
    there is no history. Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks,
    ICML (2017); their completeness axiom says that the contributions and F(0) add up to F(x).

    Parameters
    ----------
    parameters
        A model's: `network`, leaves stacked over seeds, and `adapter`.
    window
        (WINDOW, features) inputs, as `inference_windows` makes them.
    today
        (features,) the last of them, which the correction sees.

    Returns
    -------
    (features,) contributions, and F(0).

    """
    points, weights = _rule()
    networks = jax.tree.map(jnp.asarray, parameters["network"])
    gradients, nothing = _mean_gradient(networks, jnp.asarray(window), points, weights)
    adapter = {name: np.asarray(value, dtype=float) for name, value in parameters["adapter"].items()}
    slopes = adapter["weights"][1:] / adapter["spread"]
    found = (np.asarray(gradients, dtype=float) * window).sum(axis=0) + slopes * today
    start = float(nothing) + float(adapter["weights"][0] - (slopes * adapter["center"]).sum())
    return found, start


def log_scale(
    parameters: dict[str, Any], window: npt.NDArray[np.float32], today: npt.NDArray[np.float32]
) -> float:
    """F(x) itself, computed apart from its gradients."""
    networks = jax.tree.map(jnp.asarray, parameters["network"])
    adapter = {name: np.asarray(value, dtype=float) for name, value in parameters["adapter"].items()}
    standard = (today - adapter["center"]) / adapter["spread"]
    correction = float(adapter["weights"][0] + (standard * adapter["weights"][1:]).sum())
    return float(_network_log_scale(networks, jnp.asarray(window))) + correction


@cache
def _rule() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Points and weights of Gauss-Legendre on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    return ((points + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)


@jax.jit
def _network_log_scale(networks: Parameters, window: jax.Array) -> jax.Array:
    _, found, _ = jax.vmap(apply_network, in_axes=(0, None))(networks, window[None])
    return found[:, 0, WINDOW - 1].mean()


@jax.jit
def _mean_gradient(
    networks: Parameters, window: jax.Array, points: jax.Array, weights: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The gradient averaged over the way, (WINDOW, features), and the log-scale at its start, ()."""
    gradient = jax.grad(_network_log_scale, argnums=1)

    def add(total: jax.Array, step: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        point, weight = step
        return total + weight * gradient(networks, point * window), None

    total, _ = jax.lax.scan(add, jnp.zeros_like(window), (points, weights))
    return total, _network_log_scale(networks, jnp.zeros_like(window))
