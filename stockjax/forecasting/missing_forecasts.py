"""Which sessions of which tickers are to be forecast."""

from collections.abc import Mapping
from datetime import date

import numpy as np

from stockjax.features import PricePanel


def missing_sessions(
    history: PricePanel,
    complete: Mapping[str, set[date]],
    before: Mapping[str, date],
    count: int,
    needed: int,
    after: Mapping[str, date] | None = None,
) -> dict[str, set[date]]:
    """For each ticker, which of its last `count` sessions have no forecast yet.

    Its first sessions are left out, up to the `needed` ones that a forecast takes.

    Parameters
    ----------
    complete
        By ticker, the sessions that have been forecast from.
    before
        By ticker, the session that ends the search; it is not among those found.
    after
        By ticker, the session that begins it; of a ticker that is not there the last session is found, for
        its bars may always come a session late.

    """
    missing: dict[str, set[date]] = {}
    for row, ticker in enumerate(history.tickers):
        sessions = history.sessions[row, : history.lengths[row]]
        past = sessions[sessions < np.datetime64(before[ticker], "D")]
        recent = set(past[max(len(past) - count, needed - 1) :].tolist())
        if after is not None:
            begun = after.get(ticker)
            recent = {day for day in recent if (day > begun if begun else day == sessions[-1].item())}
        missing[ticker] = recent - complete.get(ticker, set())
    return missing


def sessions_between(history: PricePanel, first: date, last: date, needed: int) -> dict[str, set[date]]:
    """For each ticker, its sessions from `first` to `last`, without those before the `needed`-th."""
    found: dict[str, set[date]] = {}
    for row, ticker in enumerate(history.tickers):
        sessions = history.sessions[row, needed - 1 : history.lengths[row]]
        inside = (sessions >= np.datetime64(first, "D")) & (sessions <= np.datetime64(last, "D"))
        found[ticker] = set(sessions[inside].tolist())
    return found
