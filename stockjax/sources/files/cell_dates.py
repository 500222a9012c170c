"""Dates as they are written in cells: which form a column has, and the order of day and month in it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.cell_numbers import as_text

FitFn = Callable[[pd.Series], float]
"""Receives days, datetime64[s], and returns which share of them the exchange may have traded on."""

_TIME = (
    r"(?:[T\s,]+(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?)"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?(?:\s*\[[\w/+-]+\])?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_NAME = r"(?P<name>[^\W\d_]{3,10})\.?"
_YEAR = r"(?P<c>\d{4}|'?\d{2})"
_FORMS = {
    "year first": re.compile(
        rf"(?P<a>\d{{4}})\s*[-/.年]\s*(?P<b>\d{{1,2}})\s*[-/.月]\s*(?P<c>\d{{1,2}})日?{_TIME}"
    ),
    "compact": re.compile(
        r"(?P<a>(?:19|20)\d{2})(?P<b>\d{2})(?P<c>\d{2})(?:\.0+)?"
        r"(?:[T\s]?(?P<clock>\d{2}:?\d{2}(?::?\d{2})?)(?P<zone>Z)?)?"
    ),
    "year last": re.compile(rf"(?P<a>\d{{1,2}})[-/.]\s?(?P<b>\d{{1,2}})[-/.]\s?(?P<c>\d{{4}}){_TIME}"),
    "short year": re.compile(rf"(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<c>'?\d{{2}}){_TIME}"),
    "day name year": re.compile(
        rf"{_WEEKDAY}(?P<a>\d{{1,2}})[-/.\s]+{_NAME}[-/,\s]+{_YEAR}{_TIME}", re.IGNORECASE
    ),
    "name day year": re.compile(
        rf"{_WEEKDAY}{_NAME}[-/\s]+(?P<a>\d{{1,2}})(?:st|nd|rd|th)?[-/,\s]+{_YEAR}{_TIME}", re.IGNORECASE
    ),
}
# Places of year, month and day among the three numbers, the usual order first.
_ORDERS = {
    "year first": ((0, 1, 2), (0, 2, 1)),
    "compact": ((0, 1, 2), (0, 2, 1)),
    "year last": ((2, 0, 1), (2, 1, 0)),
    "short year": ((2, 0, 1), (2, 1, 0), (0, 1, 2)),
    "named": ((0, 1, 2),),
}
_NAMES_OF_ORDERS: dict[tuple[int, ...], str] = {
    (0, 1, 2): "year, month, day",
    (0, 2, 1): "year, day, month",
    (2, 0, 1): "month, day, year",
    (2, 1, 0): "day, month, year",
}
_CLOCK = re.compile(r"(\d{1,2}):?(\d{2})(?::?(\d{2}(?:\.\d+)?))?\s*([AaPp])?.*")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
# POSIX, The Open Group Base Specifications, strptime: 69 to 99 are of the last century.
_PIVOT = 69
# Day 1 of Excel is 1900-01-01, and its calendar has a 29 February 1900 that never was.
_EXCEL_ORIGIN, _EXCEL_DAYS = pd.Timestamp("1899-12-30"), range(15_000, 80_000)
_EPOCHS = {9: "s", 10: "s", 12: "ms", 13: "ms", 15: "us", 16: "us", 18: "ns", 19: "ns"}
"""The unit of a number of so many digits since 1970."""
_ONE_ORDER = 0.98
"""A share of the cells that have to be dates in an order: a typing error is not another order."""
_MONTH_NAMES = {
    1: ("jan", "january", "januar", "jän", "jänner", "enero", "ene", "janvier", "janv", "gennaio", "gen"),
    2: ("feb", "february", "februar", "febrero", "février", "févr", "fév", "febbraio"),
    3: ("mar", "march", "märz", "mär", "mrz", "marzo", "mars"),
    4: ("apr", "april", "abril", "abr", "avril", "avr", "aprile"),
    5: ("may", "mai", "mayo", "maggio", "mag"),
    6: ("jun", "june", "juni", "junio", "juin", "giugno", "giu"),
    7: ("jul", "july", "juli", "julio", "juillet", "juil", "luglio", "lug"),
    8: ("aug", "august", "agosto", "ago", "août"),
    9: ("sep", "sept", "september", "septiembre", "septembre", "settembre", "set"),
    10: ("oct", "october", "oktober", "okt", "octubre", "octobre", "ottobre", "ott"),
    11: ("nov", "november", "noviembre", "novembre"),
    12: ("dec", "december", "dezember", "dez", "diciembre", "dic", "décembre", "déc", "dicembre"),
}
_MONTH_OF = {name: number for number, names in _MONTH_NAMES.items() for name in names}


@dataclass(frozen=True)
class Dates:
    """A column of dates, read.

    Attributes
    ----------
    days
        The day that is written, datetime64[s], NaT where there is none, (n,).
    clock
        Time of the day in the zone that is written, timedelta64, NaT where none is written, (n,).
    offset
        What the written zone is ahead of UTC, timedelta64, NaT where no zone is written, (n,).
    guess
        The order of day and month where the calendar settled it; empty where the cells do.

    """

    days: pd.Series
    clock: pd.Series
    offset: pd.Series
    guess: str = ""


class _Cell(NamedTuple):
    """Three numbers of a form of date, and the time in nanoseconds; -1 where none is written."""

    form: str
    numbers: tuple[int, int, int]
    clock: int | None = None
    offset: int | None = None


def read_dates(cells: pd.Series, fits: FitFn = lambda days: 1.0) -> Dates:
    """Read a column of dates.

    The order of day and month is one for the whole column. It is settled by numbers above 12, and where
    there is none by the calendar: only one order puts the days on sessions.

    Parameters
    ----------
    cells
        Text, numbers or dates, (n,).
    fits
        The share of days that the exchange may have traded on.

    Raises
    ------
    InvalidDataError
        The order changes, or cannot be settled, or most cells are no date.

    Example
    -------
    >>> read_dates(pd.Series(["13/02/2013", "01/03/2013"])).days.dt.strftime("%Y-%m-%d").tolist()
    ['2013-02-13', '2013-03-01']
    >>> read_dates(pd.Series(["1362096000"])).days.dt.strftime("%Y-%m-%d").tolist()
    ['2013-03-01']

    """
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        local = cells.dt.tz_localize(None)
        return _of_moments(local, local - cells.dt.tz_convert("UTC").dt.tz_localize(None))
    if pd.api.types.is_datetime64_dtype(cells):
        return _of_moments(cells, None)
    # Each text is read once: a table of many tickers repeats its days.
    codes, distinct = pd.factorize(as_text(cells))
    texts = [str(text) for text in distinct]
    weights = np.bincount(codes, minlength=len(texts))
    found = _read_iso(texts) or _read_texts(texts, weights, fits)

    def spread(column: pd.Series) -> pd.Series:
        return pd.Series(column.to_numpy()[codes], index=cells.index)

    return Dates(spread(found.days), spread(found.clock), spread(found.offset), found.guess)


def _of_moments(moments: pd.Series, offset: pd.Series | None) -> Dates:
    days = moments.dt.normalize()
    clock = moments - days
    nothing = pd.Series(pd.NaT, index=moments.index, dtype="timedelta64[ns]")
    midnight = bool((clock.dropna() == pd.Timedelta(0)).all())
    # A column of dates has no times: its type only has room for them.
    without_times = midnight and offset is None
    return Dates(
        days.astype("datetime64[s]"),
        nothing if without_times else clock.astype("timedelta64[ns]"),
        nothing if offset is None else offset.astype("timedelta64[ns]"),
    )


def _read_iso(texts: list[str]) -> Dates | None:
    """Dates of the form 2013-03-01 that have their usual order, the quick way; None if any is not."""
    if not texts or not all(map(_ISO.fullmatch, texts)):
        return None
    days = pd.to_datetime(pd.Series(texts, dtype=str), format="%Y-%m-%d", errors="coerce")
    if days.isna().any() or days.dt.day.max() <= 12:
        return None
    nothing = pd.Series(pd.NaT, index=days.index, dtype="timedelta64[ns]")
    return Dates(days.astype("datetime64[s]"), nothing, nothing)


def _read_texts(texts: list[str], weights: npt.NDArray[np.int64], fits: FitFn) -> Dates:
    cells = [_cell(text) for text in texts]
    days = pd.Series(pd.NaT, index=range(len(texts)), dtype="datetime64[s]")
    guesses = []
    for form in dict.fromkeys(cell.form for cell in cells if cell):
        places = [place for place, cell in enumerate(cells) if cell and cell.form == form]
        numbers = np.array([cell.numbers for cell in cells if cell and cell.form == form])
        order, settled_by_calendar = _settle(form, numbers, [texts[place] for place in places], fits)
        days.iloc[places] = _days(numbers, order, short=form == "short year").to_numpy()
        if settled_by_calendar:
            guesses.append(_NAMES_OF_ORDERS[order])
    _refuse_unreadable(texts, weights, days)

    def nanoseconds(values: list[int | None]) -> pd.Series:
        return pd.Series(pd.to_timedelta(pd.array(values, dtype="Int64").astype("float64"), unit="ns"))

    return Dates(
        days,
        nanoseconds([cell.clock if cell else None for cell in cells]),
        nanoseconds([cell.offset if cell else None for cell in cells]),
        ", ".join(guesses),
    )


def _refuse_unreadable(texts: list[str], weights: npt.NDArray[np.int64], days: pd.Series) -> None:
    filled = np.array([bool(text) for text in texts], dtype=bool)
    unread = filled & days.isna().to_numpy()
    if weights[unread].sum() * 2 > weights[filled].sum():
        first = texts[int(np.flatnonzero(unread)[0])]
        raise InvalidDataError(f"'{first}' in the column of dates is no date; write 2013-03-01")


def _cell(text: str) -> _Cell | None:
    if found := _FORMS["compact"].fullmatch(text):
        return _of_match("compact", found)
    if moment := _of_number(text):
        return moment
    for form, pattern in _FORMS.items():
        if found := pattern.fullmatch(text):
            if "name" not in found.groupdict():
                return _of_match(form, found)
            month = _MONTH_OF.get(found["name"].lower())
            if month is None:
                return None
            year = _full_year(int(found["c"].removeprefix("'")), len(found["c"].removeprefix("'")))
            return _Cell("named", (year, month, int(found["a"])), *_time(found))
    return None


def _of_match(form: str, found: re.Match[str]) -> _Cell:
    numbers = (int(found["a"]), int(found["b"]), int(found["c"].removeprefix("'")))
    return _Cell(form, numbers, *_time(found))


def _of_number(text: str) -> _Cell | None:
    """A count of seconds, or of parts of one, since 1970, or of days as Excel counts them."""
    plain, _, fraction = text.partition(".")
    if not (plain.isascii() and plain.removeprefix("-").isdigit() and (not fraction or fraction.isdigit())):
        return None
    if len(plain) in _EPOCHS:
        moment, offset = pd.Timestamp(int(plain), unit=_EPOCHS[len(plain)]), 0
    elif int(plain) in _EXCEL_DAYS:
        moment, offset = _EXCEL_ORIGIN + pd.Timedelta(days=float(text)).round("s"), None
    else:
        return None
    clock = (moment - moment.normalize()).value
    return _Cell(
        "named", (moment.year, moment.month, moment.day), clock if clock or offset == 0 else None, offset
    )


def _time(found: re.Match[str]) -> tuple[int | None, int | None]:
    clock = found["clock"]
    return (clock_time(clock) if clock else None), (_offset(found["zone"]) if found["zone"] else None)


def clock_time(text: str) -> int | None:
    """Nanoseconds since midnight of a text such as 16:00:00, 4:00 PM or 160000; None if it is none.

    Example
    -------
    >>> clock_time("4:00 PM") == clock_time("160000") == 16 * 3600 * 10**9
    True

    """
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        return None
    hour, minute, second = int(found[1]), int(found[2]), float(found[3] or 0)
    if found[4]:
        hour = hour % 12 + 12 * (found[4].lower() == "p")
    return round(((hour * 60 + minute) * 60 + second) * 1e9)


def _offset(zone: str) -> int:
    if zone in ("Z", "UTC", "GMT"):
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (-minutes if zone[0] == "-" else minutes) * 60 * 10**9


def _full_year(year: int, digits: int) -> int:
    if digits == 4:
        return year
    return year + (1900 if year >= _PIVOT else 2000)


def _days(numbers: npt.NDArray[np.int64], order: tuple[int, ...], *, short: bool) -> pd.Series:
    year, month, day = (numbers[:, place] for place in order)
    if short:
        year = np.where(year >= _PIVOT, year + 1900, year + 2000)
    written = pd.DataFrame({"year": year, "month": month, "day": day})
    return pd.to_datetime(written, errors="coerce").astype("datetime64[s]")


def _settle(
    form: str, numbers: npt.NDArray[np.int64], texts: list[str], fits: FitFn
) -> tuple[tuple[int, ...], bool]:
    """The order of year, month and day in all cells of a form, and whether the calendar settled it."""
    orders = _ORDERS.get(form, _ORDERS["named"])
    read = {order: _days(numbers, order, short=form == "short year") for order in orders}
    anywhere = np.logical_or.reduce([days.notna().to_numpy() for days in read.values()])
    # A cell that is a date in another order alone speaks against an order; one that is none in any does not.
    against = {order: anywhere & days.isna().to_numpy() for order, days in read.items()}
    possible = [order for order in orders if against[order].mean() <= 1 - _ONE_ORDER]
    if not possible:
        first, second = (texts[int(np.flatnonzero(against[order])[0])] for order in orders[:2])
        raise InvalidDataError(
            f"its dates have the day now before and now after the month ('{second}', '{first}'); "
            "write 2013-03-01"
        )
    if len(possible) == 1 or form in ("year first", "compact"):
        chosen = orders[0] if orders[0] in possible else possible[0]
        guessed = form in ("year first", "compact") and chosen != orders[0]
        if guessed and fits(read[chosen]) < _ONE_ORDER:
            raise InvalidDataError(f"'{texts[0]}' among its dates is none of a session; write 2013-03-01")
        return chosen, guessed
    fitting = [order for order in possible if fits(read[order]) >= _ONE_ORDER]
    if len(fitting) != 1:
        raise InvalidDataError(
            f"its dates ('{texts[0]}') do not tell the day from the month; write 2013-03-01"
        )
    return fitting[0], True
