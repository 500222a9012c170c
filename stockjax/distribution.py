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


def pinball(quantiles: npt.NDArray[np.float64], returns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over LEVELS of the quantile loss of (n, 5) quantiles, (n,), in the units of the returns.

    Koenker and Bassett, Regression Quantiles, Econometrica 46 (1978).

    Example
    -------
    >>> pinball(np.array([[-0.02, -0.01, 0.0, 0.01, 0.02]]), np.array([0.01])).round(4).tolist()
    [0.0024]

    """
    miss = returns[:, None] - quantiles
    loss: npt.NDArray[np.float64] = np.maximum(LEVELS * miss, (LEVELS - 1) * miss).mean(axis=1)
    return loss
