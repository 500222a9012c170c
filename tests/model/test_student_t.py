import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockjax.model.student_t import student_t_deviation, student_t_quantiles

LEVELS = [0.05, 0.25, 0.50, 0.75, 0.95]


@settings(deadline=None, max_examples=100)
@given(freedom=st.floats(2.1, 80))
def test_quantiles_are_those_of_scipy(freedom: float) -> None:
    found = student_t_quantiles(freedom)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, stats.t.ppf(LEVELS, freedom), rtol=1e-7, atol=1e-9)


@settings(deadline=None, max_examples=100)
@given(freedom=st.floats(2.1, 80))
def test_quantiles_ascend_from_one_side_of_zero_to_the_other(freedom: float) -> None:
    found = student_t_quantiles(freedom)
    assert (np.diff(found) > 0).all()
    assert found[2] == 0.0
    np.testing.assert_allclose(found, -found[::-1], rtol=1e-12)


def test_the_more_freedom_the_nearer_to_the_normal_distribution() -> None:
    distances = [
        np.abs(student_t_quantiles(freedom) - stats.norm.ppf(LEVELS)).max() for freedom in (3, 10, 1e7)
    ]
    assert distances[0] > distances[1] > 0.1
    assert distances[2] < 1e-6


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(2.1, 60)), min_size=1, max_size=5),
)
def test_the_deviation_of_each_row_is_that_of_scipy(rows: list[tuple[float, float]]) -> None:
    log_scale, freedom = (np.array(column) for column in zip(*rows, strict=True))
    expected = [stats.t.std(own, scale=np.exp(log)) for log, own in rows]
    found = student_t_deviation(log_scale, freedom)
    assert found.shape == (len(rows),)
    assert found == pytest.approx(expected, rel=1e-9)
