"""Faults of a row that have one obvious cure."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.quality.schema import outside

_WIDEST = 0.05
"""How far, as a share of high or low, the open may lie outside to be believed."""


def repair(prices: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, npt.NDArray[np.bool_]]]:
    """The rows with their cures, and by the name of each repair where (n,) it was made.

    A repaired row may still be bad in another way; a row gets one repair at most.
    """
    opened, high, low, close = (prices[name] for name in ("open", "high", "low", "close"))
    reversed_range = high < low
    exchanged = reversed_range & ~outside(opened, low, high) & ~outside(close, low, high)
    widened = (
        ~reversed_range
        & outside(opened, high, low)
        & ~outside(close, high, low)
        & (opened <= high * (1 + _WIDEST))
        & (opened >= low * (1 - _WIDEST))
    )
    if (exchanged | widened).any():
        prices = prices.assign(
            high=high.mask(exchanged, low).mask(widened, np.maximum(high, opened)),
            low=low.mask(exchanged, high).mask(widened, np.minimum(low, opened)),
        )
    return prices, {"high_low_exchanged": exchanged.to_numpy(), "range_widened": widened.to_numpy()}
