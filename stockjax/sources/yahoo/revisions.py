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
    before, now = known["session"].to_numpy(), fetched["session"].to_numpy()
    if not np.isin(before, now).all():
        return True
    place = pd.Index(before).get_indexer(pd.Index(now))
    stored = place >= 0
    for price in ("close", "adj_close"):
        change = fetched[price].to_numpy()[stored] / known[price].to_numpy()[place[stored]] - 1
        # A hole in the answer, which is NaN, says nothing about what is stored.
        if (np.abs(change) > TOLERANCE).any():
            return True
    for action, nothing in (("dividend", 0.0), ("split", 1.0)):
        expected = np.full(len(now), nothing)
        expected[stored] = known[action].fillna(nothing).to_numpy()[place[stored]]
        if (np.abs(expected - fetched[action].to_numpy()) > TOLERANCE).any():
            return True
    return False
