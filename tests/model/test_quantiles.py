import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockjax.model.quantiles import student_t_deviation, student_t_quantiles

LEVELS = [0.05, 0.25, 0.50, 0.75, 0.95]


@settings(deadline=None, max_examples=100)
@given(location=st.floats(-1, 1), log_scale=st.floats(-3, 3), freedom=st.floats(2.1, 80))
def test_one_network_has_the_quantiles_of_scipy(location: float, log_scale: float, freedom: float) -> None:
    found = student_t_quantiles(np.array([[location]]), np.array([[log_scale]]), np.array([[freedom]]))
    expected = stats.t.ppf(LEVELS, freedom, loc=location, scale=np.exp(log_scale))
    np.testing.assert_allclose(found, expected[None], rtol=1e-7, atol=1e-9)


def test_several_networks_have_the_mean_of_their_quantiles() -> None:
    random = np.random.default_rng(0)
    location, log_scale = random.normal(size=(2, 6, 3))
    freedom = 2.1 + 5 * random.random((6, 3))
    found = student_t_quantiles(location, log_scale, freedom)
    assert found.shape == (6, 5)
    for row in range(6):
        each = [
            stats.t.ppf(LEVELS, freedom[row, k], loc=location[row, k], scale=np.exp(log_scale[row, k]))
            for k in range(3)
        ]
        np.testing.assert_allclose(found[row], np.mean(each, axis=0), rtol=1e-8)


def test_the_median_of_an_unmoved_network_is_exactly_zero() -> None:
    nothing = np.zeros((4, 3))
    found = student_t_quantiles(nothing, nothing, np.full((4, 3), 4.2))
    np.testing.assert_array_equal(found[:, 2], 0.0)
    np.testing.assert_allclose(found, -found[:, ::-1], rtol=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-3, 3), st.floats(2.1, 60)), min_size=1, max_size=5))
def test_quantiles_ascend(networks: list[tuple[float, float, float]]) -> None:
    location, log_scale, freedom = (np.array([column]) for column in zip(*networks, strict=True))
    assert (np.diff(student_t_quantiles(location, log_scale, freedom)) > 0).all()


def test_the_deviation_is_the_mean_of_those_of_scipy() -> None:
    log_scale, freedom = np.array([[0.1, -0.5], [0.0, 1.0]]), np.array([[4.2, 3.0], [10.0, 2.5]])
    expected = [
        np.mean([stats.t.std(freedom[row, k], scale=np.exp(log_scale[row, k])) for k in range(2)])
        for row in range(2)
    ]
    assert student_t_deviation(log_scale, freedom) == pytest.approx(expected)
