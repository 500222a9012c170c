"""Rows of a delivery that are stored already: of a file with twenty years, one day is new each night."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


def stored_again(
    prices: pd.DataFrame, tickers: Sequence[str], stored: Mapping[str, npt.NDArray[Any]], kept: int
) -> tuple[npt.NDArray[np.bool_], set[str]]:
    """Find the tickers whose stored rows all come again as they are, and which of their rows say nothing new.

    A ticker counts only if its first rows, by session, are the stored ones in every column: one row
    that is missing, added or changed, and all its rows are news.

    Parameters
    ----------
    prices
        Delivered rows, in any order: ticker, session and the columns of `stored`.
    tickers
        The tickers that have stored rows, whose places are the numbers in `stored`.
    stored
        Columns by number and session: `number`, `session` (datetime64), and any of float64.
    kept
        The last stored rows of each ticker that are news nevertheless: checks judge new rows by them.

    Returns
    -------
    (rows,) True where a row says nothing new; and the tickers.

    """
    codes, names = pd.factorize(prices["ticker"])
    place = {ticker: number for number, ticker in enumerate(tickers)}
    # Rows without a ticker have the code -1, and with it the last number.
    number = np.array([*(place.get(name, -1) for name in names), -1], dtype=np.int64)[codes]
    session = prices["session"].to_numpy()
    order = np.lexsort((session, number))
    number = number[order]
    counts = np.bincount(stored["number"], minlength=len(tickers))
    first_stored = np.cumsum(counts) - counts
    rank = np.arange(len(number)) - np.searchsorted(number, number)
    held = (number >= 0) & (rank < counts[number])
    rows, places = order[held], (first_stored[number] + rank)[held]
    same = session[rows] == stored["session"][places]
    for name in stored:
        if name not in ("number", "session"):
            same &= _equal(prices[name].to_numpy(dtype=np.float64)[rows], stored[name][places])
    agreeing = np.bincount(number[held][same], minlength=len(tickers))
    again = (counts > 0) & (agreeing == counts)
    nothing_new = np.zeros(len(prices), dtype=np.bool_)
    nothing_new[order] = held & again[number] & (rank < counts[number] - kept)
    return nothing_new, {ticker for ticker, found in zip(tickers, again, strict=True) if found}


def _equal(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return (one == other) | (np.isnan(one) & np.isnan(other))
