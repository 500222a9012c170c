from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stockjax.features import FEATURE_NAMES
from stockjax.model.network import (
    LOCATION_UNIT,
    LSTM,
    ForecastNetwork,
    apply_network,
    degrees_of_freedom,
    initial_parameters,
    mean_freedom,
)
from stockjax.model.products import linear
from stockjax.model.recurrence import lstm
from tests.support.synthetic import assert_same_bits

FEATURES = len(FEATURE_NAMES)
HIDDEN = 4
run_compiled = jax.jit(apply_network)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def plain_lstm(kernel: np.ndarray, bias: np.ndarray, recurrent: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Hochreiter and Schmidhuber with forget gates, one sequence (sessions, features), in float64."""
    hidden = recurrent.shape[0]
    cell, state, states = np.zeros(hidden), np.zeros(hidden), []
    for session in inputs:
        gates = session @ kernel + bias + state @ recurrent
        enter, forget, candidate, leave = (gates[k * hidden : (k + 1) * hidden] for k in range(4))
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(candidate)
        state = sigmoid(leave) * np.tanh(cell)
        states.append(state)
    return np.array(states)


def random_network(seed: int, hidden: int = HIDDEN) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: jnp.asarray(random.normal(0, 0.4, leaf.shape), jnp.float32),
        initial_parameters(FEATURES, hidden, 0),
    )


def random_inputs(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, FEATURES)).astype(np.float32)


@settings(deadline=None, max_examples=15)
@given(
    inputs=arrays(np.float32, (2, 7, FEATURES), elements=st.floats(-8, 8, width=32)),
    seed=st.integers(0, 2**31 - 1),
)
def test_an_untrained_network_is_the_random_walk(inputs: np.ndarray, seed: int) -> None:
    location, log_scale, freedom = run_compiled(initial_parameters(FEATURES, HIDDEN, seed), inputs)
    np.testing.assert_array_equal(location, np.zeros((2, 7)))
    np.testing.assert_array_equal(log_scale, np.zeros((2, 7)))
    assert float(freedom) == pytest.approx(2.1 + np.log1p(np.exp(2.0)), rel=1e-6)


@settings(deadline=None, max_examples=20)
@given(last=st.integers(0, 8), seed=st.integers(0, 2**31))
def test_inputs_after_a_session_change_no_output_up_to_it(last: int, seed: int) -> None:
    parameters, inputs = random_network(3), random_inputs(4, 3, 10)
    changed = inputs.copy()
    changed[:, last + 1 :] = 5 * random_inputs(seed, 3, 9 - last)
    one, other = run_compiled(parameters, inputs), run_compiled(parameters, changed)
    for before, after in zip(one[:2], other[:2], strict=True):
        assert np.asarray(before)[:, : last + 1].tobytes() == np.asarray(after)[:, : last + 1].tobytes()
        assert (np.asarray(before)[:, last + 1 :] != np.asarray(after)[:, last + 1 :]).any()


def test_an_early_input_is_remembered() -> None:
    parameters, inputs = random_network(3), random_inputs(4, 1, 10)
    changed = inputs.copy()
    changed[:, 0] += 1
    one, other = run_compiled(parameters, inputs), run_compiled(parameters, changed)
    assert abs(float(one[1][0, 9]) - float(other[1][0, 9])) > 1e-7


@pytest.mark.parametrize("hidden", [1, 5, 16])
def test_the_lstm_is_that_of_plain_numpy(hidden: int) -> None:
    lstm = LSTM(FEATURES, hidden, rngs=nnx.Rngs(hidden))
    inputs = random_inputs(hidden, 30, 3)
    states = np.asarray(lstm(jnp.asarray(inputs)))
    assert states.shape == (30, 3, hidden)
    kernel, bias = np.asarray(lstm.from_input.kernel[...]), np.asarray(lstm.from_input.bias[...])
    recurrent = np.asarray(lstm.from_state.kernel[...])
    for sequence in range(3):
        expected = plain_lstm(
            kernel.astype(float), bias.astype(float), recurrent.astype(float), inputs[:, sequence]
        )
        np.testing.assert_allclose(states[:, sequence], expected, rtol=2e-4, atol=2e-5)


def test_the_forget_gate_starts_open_and_the_others_in_the_middle() -> None:
    bias = np.asarray(initial_parameters(FEATURES, HIDDEN, 7)["lstm"]["from_input"]["bias"])
    np.testing.assert_array_equal(
        bias.reshape(4, HIDDEN), np.array([[0.0], [1.0], [0.0], [0.0]]).repeat(4, 1)
    )


def test_the_recurrent_kernel_starts_orthogonal() -> None:
    kernel = np.asarray(initial_parameters(FEATURES, HIDDEN, 7)["lstm"]["from_state"]["kernel"])
    assert kernel.shape == (HIDDEN, 4 * HIDDEN)
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(HIDDEN), atol=1e-5)


def test_location_and_scale_are_head_plus_skip_of_a_plain_numpy_network() -> None:
    parameters, inputs = random_network(11), random_inputs(12, 2, 20)
    location, log_scale, freedom = run_compiled(parameters, inputs)
    plain = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float), parameters)
    own = plain["lstm"]
    for number in range(2):
        states = plain_lstm(
            own["from_input"]["kernel"],
            own["from_input"]["bias"],
            own["from_state"]["kernel"],
            inputs[number],
        )
        output = states @ plain["head"]["kernel"] + plain["head"]["bias"]
        output += inputs[number] @ plain["skip"]["kernel"]
        np.testing.assert_allclose(location[number], LOCATION_UNIT * output[:, 0], rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(log_scale[number], output[:, 1], rtol=2e-4, atol=2e-4)
    assert float(freedom) == pytest.approx(2.1 + np.log1p(np.exp(plain["tail"])), rel=1e-5)


@settings(deadline=None, max_examples=40)
@given(st.floats(-30, 30, width=32))
def test_degrees_of_freedom_are_above_two_and_those_that_running_gives(tail: float) -> None:
    found = float(degrees_of_freedom(jnp.float32(tail)))
    assert found > 2
    assert found == pytest.approx(2.1 + np.logaddexp(0, tail), rel=1e-5)
    parameters = {**random_network(1), "tail": jnp.float32(tail)}
    assert float(run_compiled(parameters, random_inputs(1, 1, 2))[2]) == pytest.approx(found, rel=1e-6)


def test_the_mean_freedom_is_that_of_the_networks_and_not_of_the_numbers_behind_them() -> None:
    tails = np.array([-3.0, 0.5, 4.0], np.float32)
    networks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(random_network(n) for n in range(3)))
    found = mean_freedom({**networks, "tail": jnp.asarray(tails)})
    assert found == pytest.approx(np.mean([2.1 + np.log1p(np.exp(tail)) for tail in tails.astype(float)]))
    assert found != pytest.approx(2.1 + np.log1p(np.exp(tails.mean())), rel=0.05)
    assert mean_freedom({**networks, "tail": tails}) == found


def test_running_parameters_is_calling_the_module() -> None:
    network = ForecastNetwork(FEATURES, HIDDEN, rngs=nnx.Rngs(5))
    network.head.kernel[...] = jnp.asarray(np.random.default_rng(1).normal(size=(HIDDEN, 2)), jnp.float32)
    inputs = jnp.asarray(random_inputs(2, 2, 12))
    parameters = nnx.to_pure_dict(nnx.state(network, nnx.Param))
    for direct, pure in zip(network(inputs), run_compiled(parameters, inputs), strict=True):
        np.testing.assert_allclose(direct, pure, rtol=1e-6)


def test_a_seed_gives_the_same_bits_again_and_another_seed_others() -> None:
    one, again, other = (initial_parameters(FEATURES, HIDDEN, seed) for seed in (1, 1, 2))
    assert_same_bits(one, again)
    kernel = one["lstm"]["from_input"]["kernel"]
    assert (np.asarray(kernel) != np.asarray(other["lstm"]["from_input"]["kernel"])).any()


def test_a_sequence_does_not_depend_on_the_others_of_its_batch() -> None:
    parameters, inputs = random_network(3), random_inputs(4, 4, 10)
    together = run_compiled(parameters, inputs)
    for number in range(4):
        alone = run_compiled(parameters, inputs[number : number + 1])
        np.testing.assert_allclose(together[1][number], alone[1][0], rtol=1e-4, atol=1e-6)


def derived_lstm(inputs: jax.Array, kernel: jax.Array, bias: jax.Array, recurrent: jax.Array) -> jax.Array:
    """As `lstm`, in the textbook's order and with the gradients that JAX derives."""

    def step(
        carry: tuple[jax.Array, jax.Array], session: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        cell, state = carry
        gates = session @ kernel + bias[None] + state @ recurrent
        enter, forget, candidate, leave = jnp.split(gates, 4, axis=-1)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(enter) * jnp.tanh(candidate)
        state = jax.nn.sigmoid(leave) * jnp.tanh(cell)
        return (cell, state), state

    rest = jnp.zeros((inputs.shape[1], recurrent.shape[0]))
    return jax.lax.scan(step, (rest, rest), inputs)[1]


@partial(jax.jit, static_argnums=0)
def value_and_gradients(function: Callable[..., jax.Array], slopes: jax.Array, *arguments: jax.Array) -> Any:
    """The value of a function, and its gradients by each argument where the outputs weigh as `slopes`."""
    value, pull = jax.vjp(function, *arguments)
    return value, pull(slopes)


@pytest.mark.parametrize("hidden", [1, 5, 16])
def test_gradients_of_the_lstm_are_those_that_jax_derives(hidden: int) -> None:
    random = np.random.default_rng(hidden)
    arguments = [
        jnp.asarray(random.normal(0, 0.6, shape), jnp.float32)
        for shape in ((9, 3, FEATURES), (FEATURES, 4 * hidden), (4 * hidden,), (hidden, 4 * hidden))
    ]
    slopes = jnp.asarray(random.normal(size=(9, 3, hidden)), jnp.float32)
    ours, gradients = value_and_gradients(lstm, slopes, *arguments)
    derived, derived_gradients = value_and_gradients(derived_lstm, slopes, *arguments)
    np.testing.assert_allclose(ours, derived, atol=2e-6)
    for name, found, expected in zip(
        ("inputs", "kernel", "bias", "recurrent"), gradients, derived_gradients, strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=name)


def test_gradients_of_linear_outputs_are_those_that_jax_derives() -> None:
    random = np.random.default_rng(0)
    inputs, kernel, slopes = (
        jnp.asarray(random.normal(size=shape), jnp.float32) for shape in ((7, 5), (5, 2), (2, 7))
    )
    ours, gradients = value_and_gradients(linear, slopes, inputs, kernel)
    derived, derived_gradients = value_and_gradients(
        lambda inputs, kernel: (inputs @ kernel).T, slopes, inputs, kernel
    )
    np.testing.assert_allclose(ours, derived, atol=1e-5)
    for found, expected in zip(gradients, derived_gradients, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
