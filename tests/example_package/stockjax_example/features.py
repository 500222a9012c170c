"""One number per ticker and session, (N, T), from sessions up to that one."""

import numpy as np
import numpy.typing as npt

from stockjax.features import PricePanel


def volume_trend(history: PricePanel) -> npt.NDArray[np.float64]:
    """Log of the volume over the volume five sessions before; NaN where there is none."""
    volume = np.log(np.where(history.volume > 0, history.volume, np.nan))
    trend = np.full(volume.shape, np.nan)
    trend[:, 5:] = volume[:, 5:] - volume[:, :-5]
    return trend


def tomorrow(history: PricePanel) -> npt.NDArray[np.float64]:
    """The next session's close: not causal, and therefore refused."""
    later = np.full(history.close.shape, np.nan)
    later[:, :-1] = history.close[:, 1:]
    return later
