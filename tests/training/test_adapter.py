from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from stockjax.features import FEATURE_NAMES, Features, PricePanel, build_features
from stockjax.model.network import apply_network, initial_parameters
from stockjax.training.adapter import (
    HALF_LIFE,
    RIDGE,
    SESSIONS_SEEN,
    fit_adapter,
    predict_past,
    residual_quantiles,
    standardisation,
)
from stockjax.training.compilation import compilations
from tests.support.synthetic import SMALL, assert_same_bits, learnable_features, random_parameters

COUNT = len(FEATURE_NAMES)
CENTER = np.linspace(-0.2, 0.3, COUNT, dtype=np.float32)
SPREAD = np.linspace(0.7, 1.4, COUNT, dtype=np.float32)
BURN_IN, LABELS_PER_WINDOW = 32, 64
LEVELS = [0.05, 0.25, 0.50, 0.75, 0.95]
WEAK = 1.0
"""A pull that a few hundred sessions hardly feel."""
run_compiled = jax.jit(apply_network)


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    return random_parameters(1, spread=0.1)


def untrained() -> dict[str, Any]:
    """Networks that say location 0, scale 1 and one number of degrees of freedom."""
    one = initial_parameters(COUNT, SMALL.hidden, 0)
    stacked: dict[str, Any] = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * SMALL.seeds), one)
    return stacked


def said(
    networks: dict[str, Any], features: Features, row: int, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Columns, and location and log-scale at them, window by window and seed by seed, in float64."""
    columns, locations, log_scales, freedoms = [], [], [], []
    own = features.inputs[row]
    for first in range(length - SESSIONS_SEEN, length, LABELS_PER_WINDOW):
        window = np.zeros((BURN_IN + LABELS_PER_WINDOW, COUNT), np.float32)
        for place in range(BURN_IN + LABELS_PER_WINDOW):
            if first - BURN_IN + place >= 0:
                window[place] = own[first - BURN_IN + place]
        distributions = [
            run_compiled(jax.tree.map(lambda leaf, seed=seed: np.asarray(leaf)[seed], networks), window[None])
            for seed in range(SMALL.seeds)
        ]
        location, log_scale = (
            np.mean(
                [np.asarray(predict_distribution[part][0], float) for predict_distribution in distributions],
                axis=0,
            )
            for part in (0, 1)
        )
        freedoms.append(np.mean([float(predict_distribution[2]) for predict_distribution in distributions]))
        for place in range(LABELS_PER_WINDOW):
            if first + place >= 0 and not np.isnan(features.labels[row, first + place]):
                columns.append(first + place)
                locations.append(location[BURN_IN + place])
                log_scales.append(log_scale[BURN_IN + place])
    return np.array(columns), np.array(locations), np.array(log_scales), float(freedoms[0])


def scored_by_hand(
    networks: dict[str, Any], features: Features, row: int, length: int, ridge: float
) -> np.ndarray:
    """Three steps of penalised Fisher scoring for the log-scale of a Student t, session by session."""
    columns, location, log_scale, freedom = said(networks, features, row, length)
    labels = features.labels[row, columns].astype(float)
    standard = (features.inputs[row, columns].astype(float) - CENTER) / SPREAD
    design = np.column_stack([np.ones(len(columns)), standard])
    weight = 0.5 ** ((length - 1 - columns) / 500)
    information = ridge * np.eye(1 + COUNT)
    for x, w in zip(design, weight, strict=True):
        information += w * 2 * freedom / (freedom + 3) * np.outer(x, x)
    found = np.zeros(1 + COUNT)
    for _ in range(3):
        z = (labels - location) / np.exp(log_scale + design @ found)
        score = (freedom + 1) * z**2 / (freedom + z**2) - 1
        gradient = design.T @ (weight * score) - ridge * found
        found = found + np.linalg.solve(information, gradient)
    return found


def planted(sessions: int, seed: int, weights: np.ndarray) -> Features:
    """Labels of untrained networks, but for a scale that the inputs move."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(1, sessions, COUNT)).astype(np.float32)
    standard = (inputs[0] - CENTER) / SPREAD
    freedom = 2.1 + np.log1p(np.exp(2.0))
    labels = np.exp(weights[0] + standard @ weights[1:]) * random.standard_t(freedom, sessions)
    labels[[0, -1]] = np.nan
    return Features(inputs, labels[None].astype(np.float32), np.ones((1, sessions)))


def fit(networks: dict[str, Any], features: Features, length: int, row: int = 0, **more: Any) -> np.ndarray:
    return fit_adapter(predict_past(networks, features, row, length), CENTER, SPREAD, **more)


def test_what_counts_is_that_of_six_years_with_a_half_life_of_two() -> None:
    assert (SESSIONS_SEEN, HALF_LIFE, RIDGE) == (1536, 500.0, 3000.0)


def test_a_scale_that_the_inputs_move_is_found_when_the_pull_is_weak() -> None:
    weights = np.zeros(1 + COUNT)
    weights[[0, 1, 6, COUNT]] = 0.3, 0.4, -0.3, 0.2
    found = fit(untrained(), planted(1600, 3, weights), 1600, ridge=WEAK)
    np.testing.assert_allclose(found, weights, atol=0.12)


def test_the_stronger_the_pull_the_smaller_the_correction() -> None:
    weights = np.zeros(1 + COUNT)
    weights[[0, 1]] = 0.3, 0.4
    features = planted(1600, 3, weights)
    sizes = [
        np.abs(fit(untrained(), features, 1600, ridge=l2_sp_weight)).max()
        for l2_sp_weight in (WEAK, RIDGE, 1e9)
    ]
    assert sizes[0] > 0.3
    assert 0.01 < sizes[1] < 0.2
    assert 0 < sizes[2] < 1e-5


def test_nothing_to_correct_is_hardly_corrected() -> None:
    found = fit(untrained(), planted(1600, 5, np.zeros(1 + COUNT)), 1600)
    assert 0 < np.abs(found).max() < 0.02


@pytest.mark.parametrize(
    ("length", "row", "l2_sp_weight"), [(1700, 0, RIDGE), (1536, 1, WEAK), (700, 0, RIDGE), (700, 1, WEAK)]
)
def test_the_correction_is_that_of_plain_numpy(
    networks: dict[str, Any], length: int, row: int, l2_sp_weight: float
) -> None:
    features = learnable_features(2, length, seed=length)
    found = fit(networks, features, length, row, ridge=l2_sp_weight)
    assert found.dtype == np.float32
    assert found.shape == (1 + COUNT,)
    expected = scored_by_hand(networks, features, row, length, l2_sp_weight)
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=3e-6)


def changed(features: Features, columns: slice, inputs: bool = True, labels: bool = True) -> Features:
    """Other numbers at some of the columns of all rows."""
    random = np.random.default_rng(99)
    other = replace(features, inputs=features.inputs.copy(), labels=features.labels.copy())
    if inputs:
        other.inputs[:, columns] = random.normal(0, 3, other.inputs[:, columns].shape)
    if labels:
        other.labels[:, columns] = random.normal(0, 3, other.labels[:, columns].shape)
    return other


def test_only_the_last_sessions_count(networks: dict[str, Any]) -> None:
    length, first = 2000, 2000 - SESSIONS_SEEN
    features = learnable_features(1, length)
    found = fit(networks, features, length)
    assert_same_bits(fit(networks, changed(features, slice(0, first - BURN_IN)), length), found)
    # What the LSTM warms up on is seen, its labels are not.
    burn_in = slice(first - BURN_IN, first)
    assert_same_bits(fit(networks, changed(features, burn_in, inputs=False), length), found)
    warmed = fit(networks, changed(features, burn_in, labels=False), length)
    np.testing.assert_allclose(warmed, found, atol=5e-4)
    oldest = slice(first, first + 1)
    assert (fit(networks, changed(features, oldest, inputs=False), length) != found).any()


@pytest.mark.parametrize("length", [70, 700, 1900])
def test_nothing_after_the_length_matters(networks: dict[str, Any], length: int) -> None:
    features = learnable_features(2, 2000)
    found = fit(networks, features, length, row=1)
    seen = predict_past(networks, features, 1, length).residuals
    cut = Features(features.inputs[:, :length], features.labels[:, :length], features.volatility[:, :length])
    for other in (changed(features, slice(length, 2000)), cut):
        assert_same_bits(fit(networks, other, length, row=1), found)
        assert_same_bits(predict_past(networks, other, 1, length).residuals, seen)
    newest = changed(features, slice(length - 1, length), inputs=False)
    assert (fit(networks, newest, length, row=1) != found).any()


def test_no_other_ticker_matters(networks: dict[str, Any]) -> None:
    features = learnable_features(2, 600)
    other = replace(features, inputs=features.inputs.copy(), labels=features.labels.copy())
    other.inputs[0], other.labels[0] = 9, 9
    assert_same_bits(fit(networks, other, 600, row=1), fit(networks, features, 600, row=1))


def test_a_short_history_is_corrected_by_little(networks: dict[str, Any]) -> None:
    found = fit(networks, learnable_features(1, 70), 70)
    assert np.isfinite(found).all()
    assert 0 < np.abs(found).max() < 0.03


@pytest.mark.parametrize("length", [0, 1, 2])
def test_a_history_without_a_known_return_is_not_corrected(networks: dict[str, Any], length: int) -> None:
    features = learnable_features(1, 400)
    unknown = replace(features, labels=np.full_like(features.labels, np.nan))
    np.testing.assert_array_equal(fit(networks, unknown, length), 0.0)
    assert predict_past(networks, unknown, 0, length).residuals.shape == (0,)


def test_a_newer_session_counts_for_more_than_an_older_one() -> None:
    """Labels twice as wide in one half move the constant; which half decides by how much."""
    length = 1600
    moved = {}
    for name, half in {"old": slice(64, 832), "new": slice(832, length - 1)}.items():
        features = planted(length, 8, np.zeros(1 + COUNT))
        features.labels[:, half] *= 2
        moved[name] = fit(untrained(), features, length, ridge=WEAK)[0]
    expected = [np.sum(0.5 ** (np.arange(*ages) / 500)) for ages in ((768, 1536), (0, 768))]
    share = expected[0] / sum(expected)
    assert moved["old"] / np.log(2) == pytest.approx(share, abs=0.1)
    assert moved["new"] / np.log(2) == pytest.approx(1 - share, abs=0.1)


def test_tickers_of_any_length_run_one_program(networks: dict[str, Any]) -> None:
    features = learnable_features(4, 2500, seed=2)
    fit(networks, features, 500)
    predict_past(networks, features, 0, 500)
    before = compilations()
    for row, length in enumerate((70, 400, SESSIONS_SEEN, 2500)):
        fit(networks, features, length, row)
        predict_past(networks, features, row, length)
    assert compilations() == before


@pytest.mark.parametrize("length", [70, 333, 1700])
def test_residuals_are_labels_at_location_zero_and_scale_one(networks: dict[str, Any], length: int) -> None:
    features = learnable_features(2, 1800)
    found = predict_past(networks, features, 1, length)
    assert (
        found.location.shape
        == found.windows.labels.shape
        == (SESSIONS_SEEN // LABELS_PER_WINDOW + 1, BURN_IN + LABELS_PER_WINDOW)
    )
    columns, location, log_scale, _ = said(networks, features, 1, length)
    assert len(columns) == min(length - 1, SESSIONS_SEEN)
    expected = (features.labels[1, columns] - location) / np.exp(log_scale)
    np.testing.assert_allclose(found.residuals, expected, rtol=1e-4, atol=1e-5)


def student_t(freedom: float = 5.0) -> np.ndarray:
    return np.asarray(stats.t.ppf(LEVELS, freedom))


def test_without_residuals_there_is_the_student_t() -> None:
    np.testing.assert_array_equal(residual_quantiles(np.array([]), student_t()), student_t())


def test_many_residuals_count_for_half() -> None:
    residuals = np.random.default_rng(0).permutation(np.linspace(-4, 6, 1_000_001))
    found = residual_quantiles(residuals, student_t())
    halfway = 0.5 * np.array([-3.5, -1.5, 1.0, 3.5, 5.5]) + 0.5 * student_t()
    np.testing.assert_allclose(found, halfway, atol=2e-3)
    assert (found != halfway).all(), "the Student t counts for a little more, however many there are"


def test_few_residuals_count_for_less() -> None:
    # As many as the Student t is worth: half of the half, a quarter.
    residuals = np.random.default_rng(0).permutation(np.arange(250.0))
    found = residual_quantiles(residuals, np.array([-2.0, -0.7, 0.0, 0.7, 2.0]))
    assert found == pytest.approx(
        [
            0.25 * 12.45 - 0.75 * 2.0,
            0.25 * 62.25 - 0.75 * 0.7,
            0.25 * 124.5,
            0.25 * 186.75 + 0.75 * 0.7,
            0.25 * 236.55 + 0.75 * 2.0,
        ]
    )


@settings(deadline=None, max_examples=60)
@given(arrays(float, st.integers(0, 300), elements=st.floats(-50, 50)), st.floats(2.1, 60))
def test_the_shape_of_what_is_left_over_ascends(residuals: np.ndarray, freedom: float) -> None:
    assert (np.diff(residual_quantiles(residuals, student_t(freedom))) > 0).all()


def small_features(lengths: list[int]) -> Features:
    """Few tickers, with numbers outside their histories that no one may look at."""
    inputs = np.random.default_rng(4).normal(2, 3, (len(lengths), max(lengths) + 3, COUNT)).astype(np.float32)
    for row, length in enumerate(lengths):
        inputs[row, 0], inputs[row, length:] = 1e6, -1e6
    return Features(inputs, np.zeros(inputs.shape[:2], np.float32), np.ones(inputs.shape[:2]))


def test_inputs_are_standardised_over_all_sessions_and_no_others() -> None:
    lengths = [7, 3, 0, 12]
    features = small_features(lengths)
    center, spread = standardisation(features, np.array(lengths))
    assert center.dtype == spread.dtype == np.float32
    for number in range(COUNT):
        values = [
            float(features.inputs[row, column, number])
            for row, length in enumerate(lengths)
            for column in range(1, length)
        ]
        assert len(values) == 6 + 2 + 11
        assert center[number] == pytest.approx(np.mean(values), rel=1e-5)
        assert spread[number] == pytest.approx(np.std(values), rel=1e-5)


def test_an_input_that_never_changes_divides_nothing_by_zero(networks: dict[str, Any]) -> None:
    features = learnable_features(2, 400)
    features.inputs[..., 3], features.inputs[..., 4] = 0.1, 0.0
    center, spread = standardisation(features, np.array([400, 300]))
    np.testing.assert_array_equal(spread[[3, 4]], np.float32(0.05))
    np.testing.assert_array_equal(center[[3, 4]], np.array([0.1, 0.0], np.float32))
    found = fit_adapter(predict_past(networks, features, 1, 300), center, spread)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[[4, 5]], 0.0)
    assert (found[[1, 2, 3, 6]] != 0).all()


def test_real_tickers_are_corrected_a_little(sample_history: PricePanel) -> None:
    features = build_features(sample_history)
    center, spread = standardisation(features, sample_history.lengths)
    assert (spread > 0.01).all()
    for row, length in enumerate(sample_history.lengths):
        found = fit_adapter(predict_past(untrained(), features, row, int(length)), center, spread)
        assert 0 < np.abs(found).max() < 0.5
