"""Whether a vendor has changed what it said of the past."""

import numpy as np
import pandas as pd

TOLERANCE = 1e-4
"""Relative change of a price that counts; what is below is the noise of a vendor's rounding."""


def history_changed(known: pd.DataFrame, fetched: pd.DataFrame) -> bool:
    """Whether the whole history has to be fetched again.

    It has if a stored price of the overlap changed, if a stored session is missing from it, or
    if there is a split or a dividend that is not stored: each of them rewrites the past.

    Parameters
    ----------
    known
        Stored rows of one ticker: session, close, adj_close, dividend, split.
    fetched
        The vendor's rows from the first of those sessions on, with the same columns.

    """
    both = known.merge(fetched, on="session", how="outer", suffixes=("", "_new"), indicator=True)
    if (both["_merge"] == "left_only").any():
        return True
    for price in ("close", "adj_close"):
        # A hole in the answer says nothing about what is stored.
        if (np.abs(both[f"{price}_new"] / both[price] - 1) > TOLERANCE).any():
            return True
    dividend = both["dividend"].fillna(0.0) - both["dividend_new"]
    split = both["split"].fillna(1.0) - both["split_new"]
    return bool((dividend.abs() > TOLERANCE).any() or (split.abs() > TOLERANCE).any())
