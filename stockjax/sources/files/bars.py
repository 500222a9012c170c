"""How long the bars of a table are: daily ones are read, others are aggregated or refused."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.errors import InvalidDataError

Intraday = Literal["refuse", "aggregate"]

_DAILY = ("", "d", "1d", "day", "daily", "1day", "1440", "d1")
_LONG = 3
"""A median of more sessions from bar to bar is that of weekly or longer bars."""
_FEWEST = 4
"""Of fewer distances each has to be long: a single one may be a row that is missing."""


def refuse_other_periods(periods: pd.Series) -> None:
    """Refuse rows whose column of the period names another one than a day.

    Raises
    ------
    InvalidDataError
        It names another.

    Example
    -------
    >>> refuse_other_periods(pd.Series(["D", "D"]))

    """
    texts = periods.astype(str).str.strip()
    other = texts[~texts.str.lower().isin(_DAILY)]
    if len(other):
        raise InvalidDataError(f"its bars are of the period '{other.iloc[0]}'; give daily bars")


def one_bar_a_day(prices: pd.DataFrame, clock: pd.Series, intraday: Intraday) -> tuple[pd.DataFrame, str]:
    """Daily bars of a table that has several a day.

    Parameters
    ----------
    prices
        Columns ticker, session and numbers, in the order of the file.
    clock
        The time of each row, timedelta64, NaT where none is written, (n,).
    intraday
        What becomes of bars of a part of a day.

    Returns
    -------
    The rows, and what was done with them, for a message.

    Raises
    ------
    InvalidDataError
        A day has several bars, of different times, and they are to be refused.

    """
    if clock.isna().all():
        return prices, ""
    keys = ["ticker", "session"]
    timed = prices.assign(clock=clock)[prices["session"].notna() & clock.notna()]
    several = timed.groupby(keys, sort=False)["clock"].nunique()
    several = several[several > 1]
    if several.empty:
        return prices, ""
    ticker, day = several.index[0]
    if intraday == "refuse":
        raise InvalidDataError(
            f"it has {several.iloc[0]} bars of {ticker} on {day:%Y-%m-%d}; give daily bars, "
            'or set files.intraday = "aggregate"'
        )
    order = clock.fillna(pd.Timedelta(0)).sort_values(kind="stable").index
    grouped = prices.loc[order].groupby(keys, sort=False, dropna=False)
    how: Mapping[str, str] = {
        "open": "first",
        "high": "max",
        "low": "min",
        "close": "last",
        "adj_close": "last",
        "volume": "sum",
        "dividend": "sum",
        "split": "prod",
        "raw": "first",
    }
    daily = grouped.agg({name: way for name, way in how.items() if name in prices}).reset_index()
    return daily[list(prices.columns)], f"{len(prices)} bars aggregated to {len(daily)} days"


class NumberedDays(NamedTuple):
    """The distinct days of each ticker in their order.

    Attributes
    ----------
    names
        The tickers, sorted.
    ticker, day
        The place of the ticker among them, and the day, unit days; both (n,).

    """

    names: pd.Index
    ticker: npt.NDArray[np.intp]
    day: npt.NDArray[np.datetime64]


def numbered_days(prices: pd.DataFrame) -> NumberedDays:
    """The distinct days of each ticker in their order.

    Parameters
    ----------
    prices
        Columns ticker and session.

    """
    tickers = prices["ticker"].astype("category").cat
    ticker = tickers.codes.to_numpy().astype(np.intp)
    day = prices["session"].to_numpy().astype("datetime64[D]")
    known = (ticker >= 0) & ~np.isnat(day)
    ticker, day = ticker[known], day[known]
    order = np.lexsort((day, ticker))
    ticker, day = ticker[order], day[order]
    new = np.ones(len(day), dtype=bool)
    new[1:] = (ticker[1:] != ticker[:-1]) | (day[1:] != day[:-1])
    return NumberedDays(tickers.categories, ticker[new], day[new])


def refuse_long_bars(prices: pd.DataFrame) -> dict[str, InvalidDataError]:
    """Why each ticker with weekly or longer bars is refused.

    Parameters
    ----------
    prices
        Columns ticker and session.

    Example
    -------
    >>> weeks = pd.date_range("2013-01-04", periods=8, freq="7D").astype("datetime64[s]")
    >>> print(refuse_long_bars(pd.DataFrame({"ticker": "A", "session": weeks}))["A"])
    'A' has one bar in 5 weekdays, as weekly bars have; give daily bars

    """
    names, ticker, day = numbered_days(prices)
    same = ticker[1:] == ticker[:-1]
    gaps = pd.Series(np.busday_count(day[:-1], day[1:]))[same]
    by_ticker = gaps.groupby(ticker[1:][same]).agg(["min", "median", "size"])
    by_ticker.index = names[by_ticker.index]
    enough = (by_ticker["size"] >= _FEWEST) | (by_ticker["min"] > _LONG)
    long = by_ticker[(by_ticker["median"] > _LONG) & enough]
    return {
        str(ticker): InvalidDataError(
            f"'{ticker}' has one bar in {int(median)} weekdays, as {_name(median)} bars have; give daily bars"
        )
        for ticker, median in long["median"].items()
    }


def _name(weekdays: float) -> str:
    return "weekly" if weekdays <= 6 else "monthly" if weekdays <= 23 else "quarterly or longer"
