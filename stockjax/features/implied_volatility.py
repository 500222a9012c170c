"""Inputs from the index of implied volatility of a market, as the VIX of the S&P 500."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.features.event_inputs import session_numbers
from stockjax.features.known_events import Numbers
from stockjax.features.price_panel import Array, PricePanel
from stockjax.sessions import Exchange

IMPLIED_FEATURES = ("implied_to_own", "implied_to_market", "implied_change")

_SESSIONS_A_YEAR = 252
_OLDEST = 5
# A change of the index by a tenth is a common one.
_CHANGE_UNIT = 0.1


@dataclass(frozen=True, eq=False)
class ImpliedVolatility:
    """An index of implied volatility by session, in percent a year.

    Attributes
    ----------
    session
        (n,) number of the session, ascending.
    close
        (n,) its close.
    known
        (n,) number of the session from which it is known, its own unless it came late.

    """

    session: Numbers
    close: npt.NDArray[np.float64]
    known: Numbers

    @classmethod
    def from_closes(cls, closes: pd.DataFrame, exchange: Exchange) -> "ImpliedVolatility":
        """Arrange closes, columns session, close and known_from, in order.

        What the first run fetched counts as known at its own session, as prices do.
        """
        days, since = (closes[name].to_numpy().astype("datetime64[D]") for name in ("session", "known_from"))
        every = exchange.every_session
        own = np.isin(days, every)
        first = since.min() if len(since) else np.datetime64("NaT", "D")
        known = np.where(since > first, since, days)
        number = np.searchsorted(every, days[own])
        return cls(
            number,
            closes["close"].to_numpy(dtype=np.float64)[own],
            np.maximum(number, np.searchsorted(every, known[own])),
        )

    def at(self, numbers: Numbers) -> tuple[Array, Array]:
        """The last close known at each session, and the one before it; NaN where there is none."""
        order = np.lexsort((self.session, self.known))
        if not len(order):
            return np.full(numbers.shape, np.nan), np.full(numbers.shape, np.nan)
        newest = np.maximum.accumulate(order)
        place = np.searchsorted(self.known[order], numbers, side="right") - 1
        found = newest[np.maximum(place, 0)]
        there = (place >= 0) & (numbers >= 0) & (numbers - self.session[found] <= _OLDEST)
        before = np.where(found > 0, self.close[np.maximum(found - 1, 0)], np.nan)
        return np.where(there, self.close[found], np.nan), np.where(there, before, np.nan)


def implied_columns(
    history: PricePanel,
    volatility: Array,
    market: Array,
    implied: Mapping[str, ImpliedVolatility],
) -> list[Array]:
    """The columns `IMPLIED_FEATURES`, (N, T) each, 0 where there is no index.

    The index against the ticker's own volatility and that of its market, in logs, and its last change.

    Parameters
    ----------
    volatility
        (N, T) daily volatility of each ticker.
    market
        (N, T) mean of its logarithm over the market, NaN where there is none.
    implied
        The index of each market, by the code of its calendar.

    """
    columns = [np.zeros(history.sessions.shape) for _ in IMPLIED_FEATURES]
    if not implied:
        return columns
    numbers = session_numbers(history)
    for code, index in implied.items():
        rows = np.array([name == code for name in history.markets], dtype=bool)
        if not rows.any():
            continue
        close, before = index.at(numbers[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            daily = np.log(close / 100 / np.sqrt(_SESSIONS_A_YEAR))
            columns[0][rows] = daily - np.log(volatility[rows])
            columns[1][rows] = daily - market[rows]
            columns[2][rows] = np.log(close / before) / _CHANGE_UNIT
    return columns
