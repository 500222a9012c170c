"""The Student t that the networks' location and scale are completed to."""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from stockjax.distribution import LEVELS

Array = npt.NDArray[np.float64]


def student_t_quantiles(freedom: float) -> Array:
    """Quantiles at LEVELS of a Student t of location 0 and scale 1, (5,)."""
    quantiles: Array = np.asarray(stdtrit(freedom, LEVELS), dtype=np.float64)
    return quantiles


def student_t_deviation(log_scale: Array, freedom: Array) -> Array:
    """Standard deviation of located, scaled Student ts; inputs and result (rows,)."""
    deviation: Array = np.exp(log_scale) * np.sqrt(freedom / (freedom - 2))
    return deviation
