from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockjax.features import FEATURE_NAMES
from stockjax.model.network import apply_network
from stockjax.training.predict import ROWS, Prediction, _predict, predict
from stockjax.training.windows import WINDOW
from tests.support.synthetic import SMALL, random_parameters

COUNT = ROWS + 9


def stacked(numbers: list[int]) -> dict[str, Any]:
    each = [random_parameters(number) for number in numbers]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *each)


def windows(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(COUNT, WINDOW, len(FEATURE_NAMES))).astype(np.float32)


def taken(tree: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    return jax.tree.map(lambda leaf: leaf[rows], tree)


def assert_same_rows(one: Prediction, rows: np.ndarray, other: Prediction) -> None:
    for name in ("location", "log_scale", "freedom"):
        assert getattr(one, name)[rows].tobytes() == getattr(other, name).tobytes()


PARAMETERS = stacked(list(range(COUNT)))
INPUTS = windows(0)


@pytest.fixture(scope="module")
def together() -> Prediction:
    return predict(PARAMETERS, INPUTS)


def test_a_prediction_is_that_of_each_network_at_the_last_session(together: Prediction) -> None:
    assert together.location.shape == (COUNT, SMALL.seeds)
    for row in (0, ROWS - 1, ROWS, COUNT - 1):
        for number in range(SMALL.seeds):
            own = jax.tree.map(lambda leaf, row=row, number=number: leaf[row, number], PARAMETERS)
            location, log_scale, freedom = apply_network(own, INPUTS[row][None])
            assert together.location[row, number] == pytest.approx(float(location[0, -1]), rel=1e-4, abs=1e-6)
            assert together.log_scale[row, number] == pytest.approx(
                float(log_scale[0, -1]), rel=1e-4, abs=1e-5
            )
            assert together.freedom[row, number] == pytest.approx(float(freedom), rel=1e-5)


@pytest.mark.parametrize("row", [0, 1, ROWS - 1, ROWS, COUNT - 1])
def test_a_row_alone_has_the_bits_it_has_among_many(together: Prediction, row: int) -> None:
    alone = predict(taken(PARAMETERS, np.array([row])), INPUTS[[row]])
    assert_same_rows(together, np.array([row]), alone)


@settings(deadline=None, max_examples=8)
@given(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=ROWS + 5))
def test_any_company_leaves_the_bits_of_a_row_as_they_are(together: Prediction, rows: list[int]) -> None:
    chosen = np.array(rows)
    assert_same_rows(together, chosen, predict(taken(PARAMETERS, chosen), INPUTS[chosen]))


def test_one_program_serves_any_number_of_rows(together: Prediction) -> None:
    assert len(together.freedom) == COUNT
    # The program of the first call may be gone: other tests clear what is compiled.
    predict(taken(PARAMETERS, np.arange(3)), INPUTS[:3])
    before = _predict._cache_size()
    for count in (1, 2, ROWS, ROWS + 1):
        found = predict(taken(PARAMETERS, np.arange(count)), INPUTS[:count])
        assert found.location.shape == (count, SMALL.seeds)
    assert _predict._cache_size() == before


def test_untrained_networks_predict_the_random_walk() -> None:
    nothing = jax.tree.map(np.zeros_like, taken(PARAMETERS, np.arange(3)))
    found = predict(nothing, INPUTS[:3])
    np.testing.assert_array_equal(found.location, 0.0)
    np.testing.assert_array_equal(found.log_scale, 0.0)
    np.testing.assert_allclose(found.freedom, 2.1 + np.log(2), rtol=1e-6)
