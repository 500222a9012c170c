"""A Flax NNX LSTM with location and log-scale heads that start as the random walk."""

from functools import cache, lru_cache, partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from stockjax.model.products import linear
from stockjax.model.recurrence import lstm

Parameters = dict[str, Any]
"""Nested dictionaries of arrays, as `nnx.to_pure_dict` makes them."""

LOCATION_UNIT = 0.05
"""Volatilities per unit of the location head: the next return's mean is hardly predictable."""

INITIAL_TAIL = 2.0
_SMALLEST_FREEDOM = 2.1


class LSTM(nnx.Module):
    """Long short-term memory with one projection of all inputs ahead of the recurrence.

    The bias of the forget gates starts at 1 (Gers, Schmidhuber and Cummins, Learning to Forget,
    Neural Computation 12, 2000).
    """

    def __init__(self, features: int, hidden: int, *, rngs: nnx.Rngs) -> None:
        self.from_input = nnx.Linear(features, 4 * hidden, rngs=rngs)
        self.from_state = nnx.Linear(
            hidden, 4 * hidden, use_bias=False, kernel_init=nnx.initializers.orthogonal(), rngs=rngs
        )
        self.from_input.bias = nnx.Param(jnp.zeros(4 * hidden).at[hidden : 2 * hidden].set(1.0))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """(sessions, batch, features) to hidden states (sessions, batch, hidden)."""
        return lstm(inputs, self.from_input.kernel[...], _bias(self.from_input), self.from_state.kernel[...])


class ForecastNetwork(nnx.Module):
    """LSTM plus a linear skip from the inputs, both with heads that start at zero.

    Before training, location and log-scale are 0 everywhere: the model is the random walk
    with EWMA volatility, and can only move away from it where the data says so.
    """

    def __init__(self, features: int, hidden: int, *, rngs: nnx.Rngs) -> None:
        zeros = nnx.initializers.zeros
        self.lstm = LSTM(features, hidden, rngs=rngs)
        self.head = nnx.Linear(hidden, 2, kernel_init=zeros, rngs=rngs)
        self.skip = nnx.Linear(features, 2, use_bias=False, kernel_init=zeros, rngs=rngs)
        self.tail = nnx.Param(jnp.full((), INITIAL_TAIL, jnp.float32))

    def __call__(self, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Predict every session's successor.

        Parameters
        ----------
        inputs
            (batch, sessions, features).

        Returns
        -------
        Location and log-scale, each (batch, sessions), in units of the session's
        volatility, and the degrees of freedom, ().

        """
        by_session = inputs.swapaxes(0, 1)
        states = self.lstm(by_session)
        output = (
            linear(states.reshape(-1, states.shape[-1]), self.head.kernel[...])
            + linear(by_session.reshape(-1, inputs.shape[-1]), self.skip.kernel[...])
            + _bias(self.head)[:, None]
        )
        location, log_scale = output.reshape(2, *states.shape[:2]).swapaxes(1, 2)
        return LOCATION_UNIT * location, log_scale, degrees_of_freedom(self.tail[...])


def _bias(layer: nnx.Linear) -> jax.Array:
    bias: jax.Array = cast("nnx.Param[jax.Array]", layer.bias)[...]
    return bias


def degrees_of_freedom(tail: jax.Array) -> jax.Array:
    """The Student t's degrees of freedom, above 2, from the learned number behind them."""
    return _SMALLEST_FREEDOM + jax.nn.softplus(tail)


def mean_freedom(networks: Parameters) -> float:
    """Degrees of freedom averaged over networks that are stacked over seeds."""
    return float(degrees_of_freedom(jnp.asarray(networks["tail"])).mean())


def initial_parameters(features: int, hidden: int, seed: int) -> Parameters:
    """Parameters of an untrained network, as arrays of NumPy that a training may give away."""
    parameters: Parameters = jax.tree.map(np.copy, _drawn(features, hidden, seed))
    return parameters


# Drawn once: a base and every base after it begin with the same few.
@lru_cache(maxsize=32)
def _drawn(features: int, hidden: int, seed: int) -> Parameters:
    drawn: Parameters = _draw(features, hidden, seed)
    return drawn


@partial(jax.jit, static_argnames=("features", "hidden"))
def _draw(features: int, hidden: int, seed: int | jax.Array) -> Parameters:
    """One program instead of one for each operation of each initialiser."""
    network = ForecastNetwork(features, hidden, rngs=nnx.Rngs(jax.random.key(seed)))
    parameters: Parameters = nnx.to_pure_dict(nnx.state(network, nnx.Param))
    return parameters


def apply_network(parameters: Parameters, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`ForecastNetwork.__call__` as a pure function of its parameters."""
    features, gates = parameters["lstm"]["from_input"]["kernel"].shape
    network = nnx.merge(_structure(features, gates // 4), parameters)
    prediction: tuple[jax.Array, jax.Array, jax.Array] = network(inputs)
    return prediction


@cache
def _structure(features: int, hidden: int) -> nnx.GraphDef[ForecastNetwork]:
    """What a network is made of, without its parameters."""
    return nnx.graphdef(nnx.eval_shape(lambda: ForecastNetwork(features, hidden, rngs=nnx.Rngs(0))))
