"""Empirical quantiles of what has been seen lately."""

import numpy as np
import numpy.typing as npt

from stockjax.distribution import LEVELS

Array = npt.NDArray[np.float64]

RESIDUALS = 250
"""Sessions that empirical quantiles are taken from."""


def trailing_windows(
    values: Array, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], size: int
) -> Array:
    """The last `size` values up to each position, (rows, size); NaN before the first.

    Example
    -------
    >>> trailing_windows(np.arange(4.0)[None], np.array([0]), np.array([1]), 3).tolist()
    [[nan, 0.0, 1.0]]

    """
    columns = positions[:, None] - size + 1 + np.arange(size)
    found = values[rows[:, None], np.maximum(columns, 0)]
    return np.where(columns >= 0, found, np.nan)


def empirical_quantiles(sample: Array) -> Array:
    """Quantiles of each row of `sample` (rows, size), NaN left out; (rows, len(LEVELS)).

    Linear interpolation between order statistics (Hyndman and Fan, Sample Quantiles in
    Statistical Packages, The American Statistician 50, 1996, definition 7).

    Example
    -------
    >>> empirical_quantiles(np.arange(5.0)[None]).round(2).tolist()
    [[0.2, 1.0, 2.0, 3.0, 3.8]]

    """
    quantiles: Array = np.nanquantile(sample, LEVELS, axis=1).T
    return quantiles
