"""Cutting histories into the windows that the network learns from.

Every session of a window after the burn-in is a label: the LSTM needs the burn-in to
forget that it started from nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stockjax.features import Features

BURN_IN = 32
LABELS_PER_WINDOW = 64
WINDOW = BURN_IN + LABELS_PER_WINDOW


@dataclass(frozen=True)
class Batch:
    """Windows stacked for the network.

    Attributes
    ----------
    inputs
        (…, WINDOW, features) float32.
    labels
        (…, WINDOW) float32, 0 where unknown.
    known
        (…, WINDOW) bool: labels that count; never in the burn-in.

    """

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]


def window_batch(features: Features, rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> Batch:
    """The windows that begin at `starts` of `rows`; both of any one shape (…)."""
    columns = starts[..., None] + np.arange(WINDOW)
    labels = features.labels[rows[..., None], columns]
    known = ~np.isnan(labels)
    known[..., :BURN_IN] = False
    return Batch(features.inputs[rows[..., None], columns], np.nan_to_num(labels), known)


def contiguous_windows(features: Features, row: int, first: int, last: int) -> Batch:
    """Windows that together score the columns `first` to `last` (excluded) of a row, once each.

    Shape (windows, …). Where the row has fewer than BURN_IN columns before `first`, the
    burn-in is filled with zeros, which is how the network sees a history begin.
    """
    windows = -(-(last - first) // LABELS_PER_WINDOW)
    columns = first - BURN_IN + LABELS_PER_WINDOW * np.arange(windows)[:, None] + np.arange(WINDOW)
    inside = (columns >= 0) & (columns < last)
    safe = np.clip(columns, 0, features.inputs.shape[1] - 1)
    labels = np.where(inside & (columns >= first), features.labels[row][safe], np.nan)
    known = ~np.isnan(labels)
    known[:, :BURN_IN] = False
    inputs = np.where(inside[..., None], features.inputs[row][safe], 0.0).astype(np.float32)
    return Batch(inputs, np.nan_to_num(labels), known)


def inference_windows(
    features: Features, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """The last WINDOW sessions up to each position, (n, WINDOW, features), zeros before the first."""
    columns = positions[:, None] - WINDOW + 1 + np.arange(WINDOW)
    found = features.inputs[rows[:, None], np.maximum(columns, 0)]
    return np.where((columns >= 0)[..., None], found, 0.0).astype(np.float32)


class Sampler:
    """Draws windows evenly from all that end before a column of each row.

    Parameters
    ----------
    first, last
        (N,) columns of each row whose sessions may be seen: `first` to `last` (excluded).

    """

    def __init__(
        self,
        features: Features,
        first: npt.NDArray[np.int64],
        last: npt.NDArray[np.int64],
        seed: Sequence[int],
    ) -> None:
        self._features = features
        self._first = first
        self._ends = np.cumsum(np.maximum(last - first - WINDOW + 1, 0))
        self._random = np.random.default_rng(list(seed))

    @property
    def windows(self) -> int:
        """How many different windows there are."""
        return int(self._ends[-1])

    def draw(self, shape: tuple[int, ...]) -> Batch:
        """Windows drawn with replacement, stacked in `shape`."""
        rows, starts = self.starts(shape)
        return window_batch(self._features, rows, starts)

    def starts(self, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows and first columns of windows drawn with replacement, each of `shape`."""
        drawn = self._random.integers(0, self.windows, size=shape)
        rows = np.searchsorted(self._ends, drawn, side="right")
        before = np.where(rows > 0, self._ends[rows - 1], 0)
        return rows, self._first[rows] + drawn - before
