"""Where rows lie in the calendars of their exchanges."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.sessions import Exchange

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class TradingDays:
    """The day, ticker and exchange of every row, each array (n,).

    Attributes
    ----------
    day
        The row's session, unit days; NaT where it has none.
    ticker
        A number for each ticker; -1 without one.
    exchange
        Position in `exchanges`; -1 where no exchange is known for the ticker.
    before, through
        How many sessions of its exchange lie before that day, and up to and including it.
    exchanges
        The exchanges that occur.

    """

    day: Days
    ticker: Integers
    exchange: Integers
    before: Integers
    through: Integers
    exchanges: tuple[Exchange, ...]


def locate(rows: pd.DataFrame, exchanges: Mapping[str, Exchange]) -> TradingDays:
    """Find the columns `ticker` and `session` of `rows` in the calendars."""
    ticker, names = pd.factorize(rows["ticker"])
    known = [exchanges.get(str(name)) for name in names]
    distinct = tuple(dict.fromkeys(place for place in known if place is not None))
    # One more at the end, where -1 (no ticker) points to.
    number_of = np.array([-1 if place is None else distinct.index(place) for place in known] + [-1])
    exchange = number_of[ticker]
    day = rows["session"].to_numpy().astype("datetime64[D]")
    before, through = np.zeros((2, len(rows)), dtype=np.int64)
    for number, place in enumerate(distinct):
        here = slice(None) if len(distinct) == 1 else exchange == number
        before[here] = np.searchsorted(place.every_session, day[here], side="left")
        through[here] = np.searchsorted(place.every_session, day[here], side="right")
    return TradingDays(day, ticker.astype(np.int64), exchange, before, through, distinct)


def calendar_faults(where: TradingDays, closed: Mapping[str, date], today: date) -> dict[str, Bools]:
    """By reason, which rows (n,) are about no session, or about one that is not over.

    Days before and after what a calendar knows are not held against it.
    """
    # One more at the end, where -1 (no exchange) points to.
    known = np.array([len(place.every_session) for place in where.exchanges] + [0])[where.exchange]
    last = np.array([closed[place.code] for place in where.exchanges] + [None], dtype="datetime64[D]")
    return {
        "no_ticker": where.exchange < 0,
        "not_a_session": (where.before == where.through) & (where.through > 0) & (where.before < known),
        "future_date": where.day > np.datetime64(today, "D"),
        "not_closed": where.day > last[where.exchange],
    }
