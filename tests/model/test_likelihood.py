import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockjax.model.likelihood import masked_mean, student_t_loss

loss = jax.jit(student_t_loss)


@pytest.mark.parametrize("freedom", [2.1, 3.0, 4.2, 30.0])
def test_the_loss_is_minus_the_log_density_of_scipy(freedom: float) -> None:
    random = np.random.default_rng(0)
    labels, location, log_scale = random.normal(size=(3, 4, 50)).astype(np.float32)
    found = loss(labels, location, log_scale, jnp.float32(freedom))
    expected = -stats.t.logpdf(labels, freedom, loc=location, scale=np.exp(log_scale))
    assert found.shape == (4, 50)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@settings(deadline=None, max_examples=200)
@given(
    label=st.floats(-60, 60),
    location=st.floats(-2, 2),
    log_scale=st.floats(-2.5, 2.5),
    freedom=st.floats(2.1, 60),
)
def test_the_loss_is_that_of_scipy_anywhere(
    label: float, location: float, log_scale: float, freedom: float
) -> None:
    numbers = [jnp.float32(value) for value in (label, location, log_scale, freedom)]
    y, m, s, n = (float(number) for number in numbers)
    expected = -stats.t.logpdf(y, n, loc=m, scale=np.exp(s))
    assert float(loss(*numbers)) == pytest.approx(expected, rel=5e-4, abs=5e-4)


def test_a_wild_label_pulls_with_a_bounded_force() -> None:
    slope = jax.grad(lambda at, label: loss(label, at, jnp.float32(0), jnp.float32(4)))
    # d/dμ -ln t = -(ν+1)(y-μ)/(ν+(y-μ)²): greatest at √ν, and vanishing for outliers.
    for label in (0.5, 2.0, 50.0, 1e4):
        expected = -5 * label / (4 + label**2)
        assert float(slope(jnp.float32(0), jnp.float32(label))) == pytest.approx(expected, rel=1e-4)


def test_the_mean_is_over_what_is_known() -> None:
    values = jnp.array([[1.0, jnp.nan, 3.0], [100.0, 5.0, jnp.inf]])
    known = jnp.array([[True, False, True], [False, True, False]])
    assert float(masked_mean(values, known)) == 3.0


def test_the_mean_of_nothing_is_zero() -> None:
    assert float(masked_mean(jnp.array([jnp.nan, 2.0]), jnp.array([False, False]))) == 0.0
