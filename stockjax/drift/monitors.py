"""The bets of the monitors: what each observation pays while all is well, at most 1 on average."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Array = npt.NDArray[np.float64]

SCALE_TOLERANCE = 1.1
"""Factor by which a forecast scale may be off: states of volatility move coverage as much."""

LARGEST_RESIDUAL = 3.0
"""Residuals are clipped here, in scales: one jump is no drift."""

_FACTOR = 1.5
# Half-widths of the 50% and 90% intervals in standard deviations of a Gaussian.
_QUARTILE, _TAIL = ndtri(0.75), ndtri(0.95)


@dataclass(frozen=True)
class Monitor:
    """What is watched.

    Attributes
    ----------
    bets
        Ways to be wrong, each of which is bet on.

    """

    name: str
    bets: tuple[str, ...]


COVERAGE = Monitor("coverage", ("too few inside", "too many inside"))
SCALE = Monitor("scale", ("residuals too large", "residuals too often large", "residuals too small"))
INPUT = Monitor("input", ("variance up", "variance down", "volume up", "volume down"))
MONITORS = (COVERAGE, SCALE, INPUT)


def coverage_bets(inside: npt.NDArray[np.bool_], low: float, high: float) -> Array:
    """Bets that the 90% intervals hold fewer closes than `low`, or more than `high`, of them.

    The first pays (1 - inside) / (1 - low), the other inside / high: both have a mean of at most 1
    as long as the chance of a close to be inside, given the past, lies between the two.

    Parameters
    ----------
    inside
        (n,) whether a close fell inside.

    Returns
    -------
    (n, 2)

    """
    return np.column_stack([~inside / (1 - low), inside / high])


def scale_bets(residuals: Array, inside_50: npt.NDArray[np.bool_], inside_90: npt.NDArray[np.bool_]) -> Array:
    """Bets that returns are further, or less far, from the forecast than its scale says.

    The first pays min(|z|, 3)^2 / 1.1^2 of a standardised residual z. Its mean is at most 1 if the
    standard deviation of the return, given the past, is at most 1.1 times the forecast scale,
    whatever the distribution: clipping only makes it less.

    Heavy tails leave little to be seen in second moments, so that the others count. They pay the
    ratio of the chances of three places (inside 50%, inside 90%, outside) under a scale that is off by
    a factor of 1.5 to those under one that is off by 1.1, for a Gaussian. The ratio rises, or falls,
    from place to place, and so its mean is at most 1 unless closes are further out, or less far,
    than under the latter: inside 50% in less than 46.0% and inside 90% in less than 86.5% of the
    cases, or in more than 54.2% and 93.0%.

    Parameters
    ----------
    residuals
        (n,) (actual return - forecast return) / scale.
    inside_50, inside_90
        (n,) whether a close fell inside.

    Returns
    -------
    (n, 3)

    """
    large = np.minimum(np.abs(residuals), LARGEST_RESIDUAL) ** 2 / SCALE_TOLERANCE**2
    place = np.where(inside_50, 0, np.where(inside_90, 1, 2))
    often_large = _places(1 / _FACTOR) / _places(1 / SCALE_TOLERANCE)
    often_small = _places(_FACTOR) / _places(SCALE_TOLERANCE)
    return np.column_stack([large, often_large[place], often_small[place]])


def _places(factor: float) -> Array:
    """Chances of a Gaussian to fall inside 50%, else inside 90%, else outside, by a scale too wide."""
    inside_50, inside_90 = (2 * ndtr(factor * reach) - 1 for reach in (_QUARTILE, _TAIL))
    return np.array([inside_50, inside_90 - inside_50, 1 - inside_90])
