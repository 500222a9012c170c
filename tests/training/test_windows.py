import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockjax.features import Features
from stockjax.training.windows import (
    BURN_IN,
    LABELS_PER_WINDOW,
    WINDOW,
    Sampler,
    contiguous_windows,
    inference_windows,
    window_batch,
)

COUNT = 3


def numbered(sessions: int, rows: int = 2) -> Features:
    """Every input says its row and column, every label is the column plus 1000 times the row."""
    row, column = np.meshgrid(np.arange(rows), np.arange(sessions), indexing="ij")
    inputs = np.stack([row + 1, column, np.ones_like(row)], axis=-1).astype(np.float32)
    labels = (1000 * row + column).astype(np.float32)
    labels[:, 0] = labels[:, -1] = np.nan
    return Features(inputs, labels, np.ones((rows, sessions)))


def test_a_window_is_a_burn_in_and_what_is_scored() -> None:
    assert (BURN_IN, LABELS_PER_WINDOW, WINDOW) == (32, 64, 96)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_stretch_scores_every_label_exactly_once(data: st.DataObject) -> None:
    sessions = data.draw(st.integers(2, 400))
    first = data.draw(st.integers(0, sessions - 1))
    last = data.draw(st.integers(first + 1, sessions))
    row = data.draw(st.integers(0, 1))
    features = numbered(sessions)
    batch = contiguous_windows(features, row, first, last)
    expected = [column for column in range(first, last) if not np.isnan(features.labels[row, column])]
    assert sorted(batch.labels[batch.known].tolist()) == [1000 * row + column for column in expected]
    assert not batch.known[:, :BURN_IN].any()
    # Each scored label stands next to the inputs of its own session.
    np.testing.assert_array_equal(batch.inputs[batch.known][:, 1], batch.labels[batch.known] - 1000 * row)
    np.testing.assert_array_equal(batch.inputs[batch.known][:, 0], row + 1)
    assert batch.inputs.shape == (-(-(last - first) // LABELS_PER_WINDOW), WINDOW, COUNT)
    assert batch.inputs[..., 1].max() < last


def test_a_stretch_is_warmed_up_by_the_sessions_before_it() -> None:
    batch = contiguous_windows(numbered(300), 0, 100, 190)
    np.testing.assert_array_equal(batch.inputs[0, :, 1], np.arange(68, 164))
    np.testing.assert_array_equal(batch.inputs[1, :58, 1], np.arange(132, 190))
    assert not batch.inputs[1, 58:].any()


def test_the_burn_in_before_the_first_session_is_zeros() -> None:
    batch = contiguous_windows(numbered(300), 1, 5, 69)
    assert not batch.inputs[0, :27].any()
    np.testing.assert_array_equal(batch.inputs[0, 27:, 1], np.arange(69))
    assert np.isfinite(batch.labels).all()


def test_gathered_windows_are_slices_whose_burn_in_does_not_count() -> None:
    features = numbered(200)
    rows, starts = np.array([[0, 1], [1, 0]]), np.array([[0, 104], [50, 3]])
    batch = window_batch(features, rows, starts)
    assert batch.inputs.shape == (2, 2, WINDOW, COUNT)
    for place in np.ndindex(2, 2):
        row, start = rows[place], starts[place]
        np.testing.assert_array_equal(batch.inputs[place], features.inputs[row, start : start + WINDOW])
        labels = features.labels[row, start : start + WINDOW]
        known = ~np.isnan(labels) & (np.arange(WINDOW) >= BURN_IN)
        np.testing.assert_array_equal(batch.known[place], known)
        np.testing.assert_array_equal(batch.labels[place], np.nan_to_num(labels))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 249)), min_size=1, max_size=6))
def test_a_context_ends_at_its_position(places: list[tuple[int, int]]) -> None:
    features = numbered(250)
    rows, positions = (np.array(column) for column in zip(*places, strict=True))
    found = inference_windows(features, rows, positions)
    assert found.shape == (len(places), WINDOW, COUNT)
    for window, row, position in zip(found, rows, positions, strict=True):
        kept = min(position + 1, WINDOW)
        expected = features.inputs[row, position + 1 - kept : position + 1]
        np.testing.assert_array_equal(window[WINDOW - kept :], expected)
        assert not window[: WINDOW - kept].any()


@settings(deadline=None, max_examples=40)
@given(
    bounds=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 300)), min_size=1, max_size=5),
    seed=st.integers(0, 2**31),
)
def test_the_sampler_stays_inside_its_bounds(bounds: list[tuple[int, int]], seed: int) -> None:
    first, last = (np.array(column) for column in zip(*bounds, strict=True))
    sampler = Sampler(numbered(300, len(bounds)), first, last, [seed])
    possible = sum(len(range(a, b - WINDOW + 1)) for a, b in bounds)
    assert sampler.windows == possible
    if possible:
        rows, starts = sampler.starts((7, 11))
        assert rows.shape == starts.shape == (7, 11)
        assert (starts >= first[rows]).all()
        assert (starts + WINDOW <= last[rows]).all()


def test_every_window_is_as_likely_as_every_other() -> None:
    first, last = np.array([1, 5, 1, 0]), np.array([110, 100, 130, 102])
    sampler = Sampler(numbered(200, 4), first, last, [3])
    assert sampler.windows == 14 + 0 + 34 + 7
    rows, starts = sampler.starts((55 * 400,))
    _, counts = np.unique(np.stack([rows, starts]), axis=1, return_counts=True)
    assert len(counts) == 55
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_seed_draws_the_same_windows_again() -> None:
    features, first, last = numbered(300), np.array([1, 1]), np.array([300, 200])
    one, again, other = (
        Sampler(features, first, last, seed).draw((50,)) for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(one.inputs, again.inputs)
    assert (one.inputs != other.inputs).any()


@pytest.mark.parametrize("boundary", [97, 150, 236])
def test_windows_before_a_boundary_show_no_label_from_it_on(boundary: int) -> None:
    features = numbered(300)
    drawn = Sampler(features, np.array([1, 1]), np.array([boundary, boundary]), [0]).draw((500,))
    assert (drawn.labels[drawn.known] % 1000).max() < boundary
    assert drawn.inputs[..., 1].max() < boundary
