"""The Student t that the networks' location and scale are completed to."""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from stockjax.distribution import LEVELS

Array = npt.NDArray[np.float64]


def student_t_quantiles(freedom: float) -> Array:
    """Quantiles at LEVELS of a Student t of location 0 and scale 1, (5,).

    Example
    -------
    >>> student_t_quantiles(5.0).round(2).tolist()
    [-2.02, -0.73, 0.0, 0.73, 2.02]

    """
    quantiles: Array = np.asarray(stdtrit(freedom, LEVELS), dtype=np.float64)
    return quantiles


def student_t_deviation(log_scale: Array, freedom: Array) -> Array:
    """Standard deviation of located, scaled Student ts; inputs and result (rows,).

    Example
    -------
    >>> float(student_t_deviation(np.zeros(1), np.full(1, 4.0))[0].round(3))
    1.414

    """
    deviation: Array = np.exp(log_scale) * np.sqrt(freedom / (freedom - 2))
    return deviation
