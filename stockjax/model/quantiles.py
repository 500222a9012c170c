"""From several networks' Student t to one set of quantiles."""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from stockjax.distribution import LEVELS

Array = npt.NDArray[np.float64]


def student_t_quantiles(location: Array, log_scale: Array, freedom: Array) -> Array:
    """Quantiles averaged over networks (Lichtendahl et al., Management Science 59, 2013).

    Inputs (rows, seeds), in units of volatility; result (rows, len(LEVELS)).
    """
    standard = stdtrit(freedom[..., None], LEVELS)
    each = location[..., None] + np.exp(log_scale)[..., None] * standard
    averaged: Array = each.mean(axis=1)
    return averaged


def student_t_deviation(log_scale: Array, freedom: Array) -> Array:
    """Standard deviation, averaged over networks; inputs (rows, seeds), result (rows,)."""
    deviation: Array = (np.exp(log_scale) * np.sqrt(freedom / (freedom - 2))).mean(axis=1)
    return deviation
