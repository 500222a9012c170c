"""Adjusted closes where a file has none: made from its dividends and splits, or said to be missing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]

_USUAL_SPLITS = np.array([1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100])
_ABOUT = 0.06
"""How far the logarithm of a move may be from that of a split, for the market moves on that day too."""


@dataclass(frozen=True)
class Adjusted:
    """Adjusted closes, and how they were made.

    Attributes
    ----------
    closes
        Adjusted closes, (n,).
    splits
        Shares after a split for each before it, 1 where there was none, (n,).
    how
        What was done, for a message.

    """

    closes: Array
    splits: Array
    how: str


def adjusted_closes(prices: pd.DataFrame, *, adjusted: bool = False) -> Adjusted:
    """Adjusted closes from raw ones, or from ones that are adjusted for splits alone.

    With s shares for one and a dividend of D on a day t, what comes before t is multiplied by
    (1 - s D / close(t-1)) / s: the return of a share that is held over that day (Center for Research in
    Security Prices, Data Descriptions Guide, "Cumulative factor to adjust price"; Yahoo's help on adjusted
    closes has the same). Whether closes are raw is seen from their moves on the days of splits.

    Parameters
    ----------
    prices
        Columns ticker, session, close, dividend and split; NaN or 0 for none; in any order.
    adjusted
        Whether the vendor's closes are adjusted already, unless they move with the splits.

    Example
    -------
    >>> prices = pd.DataFrame({
    ...     "ticker": "A", "session": pd.to_datetime(["2005-02-25", "2005-02-28"]),
    ...     "close": [88.99, 44.86], "dividend": 0.0, "split": [1.0, 2.0]})
    >>> adjusted_closes(prices).closes.round(3).tolist()
    [44.495, 44.86]

    """
    number, _ = pd.factorize(prices["ticker"])
    order = np.lexsort((prices["session"].to_numpy(), number))
    ticker = number[order]
    close = prices["close"].to_numpy(float)[order]
    split = np.nan_to_num(prices["split"].to_numpy(float)[order], nan=1.0)
    split[split <= 0] = 1.0
    dividend = np.nan_to_num(prices["dividend"].to_numpy(float)[order])
    same = np.r_[False, ticker[1:] == ticker[:-1]]
    before = np.r_[np.nan, close[:-1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        move = np.where(same, np.log(close / before), np.nan)
    split, raw, how = _kind(split, move)
    back = np.empty(len(order), dtype=np.intp)
    back[order] = np.arange(len(order))
    if raw is not True and (adjusted or not (dividend.any() or (split != 1).any())):
        return Adjusted(close[back], split[back], "closes are adjusted already" if adjusted else "none")
    each = np.where(raw is True, split, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(same, (1 - each * dividend / before) / each, 1.0)
    factor = np.where(np.isfinite(factor) & (factor > 0), factor, 1.0)
    # What comes before a day is multiplied by the factors of it and of all later days of the ticker.
    logs = np.log(factor)
    total = logs[::-1].cumsum()[::-1]
    last = np.r_[~same[1:], True] if len(same) else same
    after = np.where(last, 0.0, np.r_[total[1:], 0.0])
    ends = pd.Series(np.where(last, np.r_[total[1:], 0.0], np.nan)).bfill().to_numpy()
    cumulated = np.where(last, 0.0, after - ends)
    made = (
        "made from dividends and splits"
        if raw is True
        else "made from dividends; closes have no split in them"
    )
    return Adjusted((close * np.exp(cumulated))[back], split[back], made + how)


def _kind(split: Array, move: Array) -> tuple[Array, bool | None, str]:
    """Splits as shares for one, whether closes are raw (None if no split shows it), and what was inverted."""
    known = (split != 1) & np.isfinite(move)
    if not known.any():
        return split, None, ""
    size = np.log(split[known])
    distances = np.abs([move[known] + size, move[known] - size, move[known]])
    nearest = np.bincount(distances.argmin(axis=0), minlength=3)
    if nearest[1] > max(nearest[0], nearest[2]):
        # The file writes what a price is multiplied by: 0.5 where there are two shares for one.
        return 1 / split, True, ", whose ratios are those of prices"
    return split, bool(nearest[0] >= nearest[2]), ""


def split_like_moves(prices: pd.DataFrame) -> dict[str, tuple[pd.Timestamp, float]]:
    """The first move of each ticker that is about a ratio of small whole numbers, 3:2 or larger.

    Parameters
    ----------
    prices
        Columns ticker, session and adj_close.

    Returns
    -------
    For each ticker with one the day, and the ratio of the close before to the close of it.

    Example
    -------
    >>> days = pd.to_datetime(["2005-02-25", "2005-02-28"])
    >>> moves = split_like_moves(pd.DataFrame({"ticker": "A", "session": days, "adj_close": [88.99, 44.49]}))
    >>> moves["A"][1]
    2.0

    """
    number, names = pd.factorize(prices["ticker"], sort=True)
    days, closes = prices["session"].to_numpy(), prices["adj_close"].to_numpy(float)
    order = np.lexsort((days, number))
    order = order[(number >= 0)[order] & ~np.isnat(days)[order] & ~np.isnan(closes)[order]]
    ticker, close = number[order], closes[order]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = close[:-1] / close[1:]
        size = np.abs(np.log(ratio))
    same = ticker[1:] == ticker[:-1]
    usual = np.r_[_USUAL_SPLITS, 1 / _USUAL_SPLITS]
    moves: dict[str, tuple[pd.Timestamp, float]] = {}
    for place in np.flatnonzero(same & (size > np.log(_USUAL_SPLITS[0]) - _ABOUT) & np.isfinite(size)):
        distance = np.abs(np.log(ratio[place] / usual))
        if distance.min() < _ABOUT:
            day = pd.Timestamp(days[order[place + 1]])
            moves.setdefault(str(names[ticker[place + 1]]), (day, float(usual[distance.argmin()])))
    return moves
