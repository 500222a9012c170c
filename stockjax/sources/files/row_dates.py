"""The sessions of rows: dates as they are written, and moments as days of the ticker's exchange."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sessions import Exchange
from stockjax.sources.files.cell_dates import Dates, clock_time, read_dates
from stockjax.sources.files.cell_numbers import as_text
from stockjax.sources.files.table_body import Body

ExchangeFn = Callable[[str], Exchange]
"""The exchange that a ticker is traded on, as far as it is known before the file is read."""

NEW_YORK = Exchange("XNYS")
_SESSIONS_OF_INSTANTS = 0.98
_FEWEST_SHIFTED, _FEW_SESSIONS, _MANY_SESSIONS = 20, 0.9, 0.95


def dates_of_rows(body: Body, rows: pd.DataFrame, tickers: pd.Series, exchange_of: ExchangeFn) -> Dates:
    """The dates of rows, with the times of a column of its own.

    Raises
    ------
    InvalidDataError
        They cannot be read, or in several ways.

    """
    exchanges = {exchange_of(str(ticker)) for ticker in tickers.dropna().unique()} or {NEW_YORK}
    dates = read_dates(rows["session"], lambda days: max(share_of_sessions(days, each) for each in exchanges))
    if dates.guess:
        body.guesses.append(f"dates read as {dates.guess}: the only order in which all are sessions")
    if "time" in rows:
        times = as_text(rows["time"]).str.replace(r"\.0+$", "", regex=True)
        distinct = {text: clock_time(text.zfill(4) if text.isdigit() else text) for text in times.unique()}
        clock = pd.to_timedelta(times.map(distinct).astype(float), unit="ns")
        dates = Dates(dates.days, clock.where(clock.notna(), dates.clock), dates.offset, dates.guess)
    return dates


def share_of_sessions(days: pd.Series, exchange: Exchange) -> float:
    """The share of days that are sessions of an exchange and not in the future.

    Example
    -------
    >>> share_of_sessions(pd.Series(pd.to_datetime(["2013-03-01", "2013-03-02"])), Exchange("XNYS"))
    0.5

    """
    known = days.dropna().to_numpy().astype("datetime64[D]")
    if not len(known):
        return 0.0
    every = exchange.every_session
    early = (known < every[0]) & np.is_busday(known)
    return float(
        ((np.isin(known, every) & (known <= np.datetime64(datetime.now(UTC).date()))) | early).mean()
    )


def _tickers_by_exchange(tickers: pd.Series, exchange_of: ExchangeFn) -> dict[Exchange, list[str]]:
    found: dict[Exchange, list[str]] = {}
    for ticker in map(str, tickers.dropna().unique()):
        found.setdefault(exchange_of(ticker), []).append(ticker)
    return found


def days_of_exchange(
    dates: Dates, tickers: pd.Series, exchange_of: ExchangeFn
) -> tuple[pd.Series, pd.Series]:
    """The day of each row in the zone of its exchange, and the time in it.

    A moment in UTC is one of the exchange's day, unless every row is of midnight: then a date is meant.
    """
    instants = dates.offset.notna() & (dates.offset == pd.Timedelta(0)) & dates.days.notna()
    if not instants.any() or (dates.clock[instants].fillna(pd.Timedelta(0)) == pd.Timedelta(0)).all():
        return dates.days, dates.clock
    days, clock = dates.days.copy(), dates.clock.copy()
    for exchange, names in _tickers_by_exchange(tickers[instants], exchange_of).items():
        mine = instants & tickers.isin(names)
        moments = (
            (dates.days[mine] + dates.clock[mine]).dt.tz_localize("UTC").dt.tz_convert(exchange.time_zone)
        )
        local = moments.dt.tz_localize(None)
        days[mine] = local.dt.normalize().astype("datetime64[s]")
        clock[mine] = local - local.dt.normalize()
        if share_of_sessions(days[mine], exchange) < _SESSIONS_OF_INSTANTS:
            first = (dates.days[mine] + dates.clock[mine]).iloc[0]
            raise InvalidDataError(
                f"its dates are moments ('{first} UTC') that are no sessions of {exchange.code}; set exchange"
            )
    return days, clock


def refuse_shifted_days(days: pd.Series, tickers: pd.Series, exchange_of: ExchangeFn) -> None:
    """Refuse days that are a day off: many are no sessions, and nearly all of those next to them are.

    Parameters
    ----------
    days
        Of the rows, (n,), in the zone of the exchange.
    tickers
        Of the rows, (n,).

    Raises
    ------
    InvalidDataError
        They are a day too early or too late for the exchange of their tickers.

    Example
    -------
    >>> days = pd.Series(pd.bdate_range("2013-01-07", "2013-03-01"))
    >>> tickers = pd.Series("A", index=days.index)
    >>> refuse_shifted_days(days, tickers, lambda ticker: Exchange("XNYS"))
    >>> try:
    ...     refuse_shifted_days(days + pd.Timedelta(days=1), tickers, lambda ticker: Exchange("XNYS"))
    ... except InvalidDataError as error:
    ...     print(str(error).partition(",")[0])
    8 of its 40 days are no sessions of XNYS

    """
    by_exchange = _tickers_by_exchange(tickers, exchange_of)
    for exchange, names in by_exchange.items():
        mine = days[tickers.isin(names)] if len(by_exchange) > 1 else days
        different = pd.Series(mine.dropna().unique())
        share = share_of_sessions(different, exchange)
        if len(different) < _FEWEST_SHIFTED or share >= _FEW_SESSIONS:
            continue
        for shift, where in ((-1, "earlier"), (1, "later")):
            moved = pd.Series(different.to_numpy().astype("datetime64[D]") + np.timedelta64(shift, "D"))
            if share_of_sessions(moved, exchange) >= _MANY_SESSIONS:
                others = round((1 - share) * len(different))
                raise InvalidDataError(
                    f"{others} of its {len(different)} days are no sessions of {exchange.code}, and those "
                    f"a day {where} are; correct the days, or set exchange"
                )
