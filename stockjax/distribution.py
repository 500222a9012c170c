"""The form of every forecast, whatever model made it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVELS = np.array([0.05, 0.25, 0.50, 0.75, 0.95])
"""The quantiles that every forecast gives."""


@dataclass(frozen=True)
class ReturnForecast:
    """Forecasts of the next session's log return.

    Attributes
    ----------
    quantiles
        (rows, len(LEVELS)), ascending; the middle one is the point forecast.
    scale
        (rows,) standard deviation.

    """

    quantiles: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
