"""The LSTM as a function, with a backward pass of its own: the one that JAX derives takes longer."""

import jax
import jax.numpy as jnp
from jax import lax

from stockjax.model.products import product

Carry = tuple[jax.Array, jax.Array]
Kept = tuple[jax.Array, ...]


@jax.custom_vjp
def lstm(inputs: jax.Array, kernel: jax.Array, bias: jax.Array, recurrent: jax.Array) -> jax.Array:
    """Hidden states of a long short-term memory that starts at rest.

    Hochreiter and Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997), with the
    forget gates of Gers, Schmidhuber and Cummins, Learning to Forget, Neural Computation 12 (2000).
    The gates come in the order input, forget, candidate, output.

    Parameters
    ----------
    inputs
        (sessions, batch, features).
    kernel, bias, recurrent
        (features, 4 hidden), (4 hidden,) and (hidden, 4 hidden).

    Returns
    -------
    (sessions, batch, hidden).

    """
    return _forward(inputs, kernel, bias, recurrent)[0]


def _forward(
    inputs: jax.Array, kernel: jax.Array, bias: jax.Array, recurrent: jax.Array
) -> tuple[jax.Array, Kept]:
    """Also return what the backward pass needs.

    Within the loop, sequences lie along the last axis: each gate is then one piece of memory.
    """
    sessions, batch, features = inputs.shape
    hidden = recurrent.shape[0]
    projected = inputs.reshape(-1, features) @ kernel + bias[None, :]
    by_gate = projected.reshape(sessions, batch, 4 * hidden).swapaxes(1, 2)
    from_state = lax.optimization_barrier(recurrent.T)
    factor, offset = _as_tanh(hidden)

    def step(carry: Carry, session: jax.Array) -> tuple[Carry, Kept]:
        cell, state = carry
        # One tanh of all gates is vectorised; four functions of four slices are not.
        gates = jnp.tanh((session + from_state @ state) * factor) * factor + offset
        enter, forget, candidate, leave = jnp.split(gates, 4)
        cell = forget * cell + enter * candidate
        state = leave * jnp.tanh(cell)
        return (cell, state), (gates, cell, state)

    rest = jnp.zeros((hidden, batch), inputs.dtype)
    _, (gates, cells, states) = lax.scan(step, (rest, rest), by_gate)
    found = states.swapaxes(1, 2)
    return found, (inputs, kernel, recurrent, gates, cells, found)


def _backward(saved: Kept, slopes: jax.Array) -> tuple[jax.Array, ...]:
    """Backpropagation through time; what does not wait for the next session is outside the loop."""
    inputs, kernel, recurrent, gates, cells, states = saved
    batch = inputs.shape[1]
    enter, forget, candidate, leave = jnp.split(gates, 4, axis=1)
    activation = jnp.tanh(cells)
    by_session = (
        slopes.swapaxes(1, 2),
        leave * (1 - activation**2),
        jnp.stack(
            [
                candidate * enter * (1 - enter),
                _a_session_later(cells) * forget * (1 - forget),
                enter * (1 - candidate**2),
            ],
            axis=1,
        ),
        activation * leave * (1 - leave),
        forget,
    )

    def step(carry: Carry, session: tuple[jax.Array, ...]) -> tuple[Carry, jax.Array]:
        of_cell, of_state = carry
        slope, to_cell, to_gates, to_leave, forget = session
        of_state = of_state + slope
        of_cell = of_cell + of_state * to_cell
        of_gates = jnp.concatenate([(of_cell[None] * to_gates).reshape(-1, batch), of_state * to_leave])
        return (of_cell * forget, recurrent @ of_gates), of_gates

    rest = jnp.zeros_like(cells[0])
    _, of_projected = lax.scan(step, (rest, rest), by_session, reverse=True)
    by_gate = lax.optimization_barrier(of_projected.swapaxes(0, 1).reshape(gates.shape[1], -1))
    return (
        jnp.einsum("tgb,fg->tbf", of_projected, kernel),
        product(by_gate, inputs.reshape(-1, inputs.shape[-1])).T,
        by_gate.sum(axis=1),
        product(by_gate, _a_session_later(states).reshape(-1, states.shape[-1])).T,
    )


lstm.defvjp(_forward, _backward)


def _as_tanh(hidden: int) -> tuple[jax.Array, jax.Array]:
    """Factor and offset, (4 hidden, 1) each: the logistic function of x is tanh(x / 2) / 2 + 1 / 2."""
    factor = jnp.full((4, hidden), 0.5).at[2].set(1.0).reshape(-1, 1)
    return factor, 1 - factor


def _a_session_later(values: jax.Array) -> jax.Array:
    """Each session's values at the session after it, and zeros at the first."""
    return jnp.concatenate([jnp.zeros_like(values[:1]), values[:-1]])
