"""Whether a delivered history continues the stored one.

A symbol may come back as another company, a vendor may lose most of a history, a file may be in
other units than the one before it. None of these may be merged into what is stored.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

_MIN_COMMON = 5
_SAME_RETURN = 2e-3
_SAME_UNITS = 1e-4
_MIN_COVERED = 0.9
_LONG_ENOUGH = 504


@dataclass(frozen=True)
class Continuity:
    """What a delivery means for the stored history of its ticker.

    Attributes
    ----------
    fault
        Name of the check that it fails; None if it may be stored.
    message
        The same in a sentence for people.
    replaces_all
        Whether stored rows that it does not have are no longer true.

    """

    fault: str | None = None
    message: str = ""
    replaces_all: bool = False


def continuity(
    ticker: str, stored: pd.DataFrame, delivered: pd.DataFrame, *, full_history: bool
) -> Continuity:
    """Judge one ticker's delivery.

    Parameters
    ----------
    stored, delivered
        Columns session, close and adj_close.
    full_history
        Whether the delivery is all that the source has.

    """
    delivered = delivered[(delivered["adj_close"] > 0) & delivered["session"].notna()]
    # numpy's, for a frame to merge takes ten times as long, and a file has a thousand tickers.
    common, old, new = np.intersect1d(stored["session"], delivered["session"], return_indices=True)
    before = np.log(stored["adj_close"].to_numpy(dtype=np.float64)[old])
    after = np.log(delivered["adj_close"].to_numpy(dtype=np.float64)[new])
    if len(common) >= _MIN_COMMON and _agreeing_returns(before, after) < 0.5:
        return Continuity(
            "another_history", f"'{ticker}' comes with another history than the stored one{_WAY_OUT}"
        )
    if full_history:
        if len(common) < _MIN_COVERED * len(stored):
            return Continuity(
                "shrunk_history" if len(common) >= _MIN_COMMON else "another_history",
                f"'{ticker}' comes with only {len(common)} of the {len(stored)} stored sessions{_WAY_OUT}",
            )
        return Continuity(replaces_all=True)
    moved = np.median(np.abs(after - before)) > _SAME_UNITS if len(common) else False
    first = delivered["session"].min()
    if moved and (stored["session"] < first).any():
        if len(common) >= _LONG_ENOUGH:
            return Continuity(replaces_all=True)
        return Continuity(
            "other_units",
            f"'{ticker}' comes adjusted otherwise than its stored rows before {first:%Y-%m-%d}; "
            "deliver its whole history",
        )
    return Continuity()


_WAY_OUT = "; it was not stored: name it in the setting history.accept if the new one is right"


def _agreeing_returns(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> float:
    """Share of the common sessions whose adjusted log returns, differences of (n,) each, are the same."""
    return float((np.abs(np.diff(before) - np.diff(after)) < _SAME_RETURN).mean())
