"""When announcements are made and known, as files write it: days, clocks, zones and words."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.events.announcement import Timing, timing_of
from stockjax.sessions import Exchange
from stockjax.sources.files.cell_dates import Dates, clock_time, read_dates

_WORDS: dict[str, Timing] = {
    **dict.fromkeys(("before", "bmo", "pre", "premarket", "before open", "before the open"), "before"),
    **dict.fromkeys(("pre market", "pre open", "before market", "before market open"), "before"),
    **dict.fromkeys(("beforemarket", "before the market"), "before"),
    **dict.fromkeys(("during", "dmh", "dmt", "during market", "during market hours"), "during"),
    **dict.fromkeys(("intraday", "during trading"), "during"),
    **dict.fromkeys(("after", "amc", "post", "postmarket", "after close", "after the close"), "after"),
    **dict.fromkeys(("post market", "post close", "after market", "after market close"), "after"),
    **dict.fromkeys(("after hours", "aftermarket", "after the market"), "after"),
    **dict.fromkeys(("", "unknown", "tbd", "tns", "tas", "na", "n/a", "none", "nan", "nat"), "unknown"),
    **dict.fromkeys(("not supplied", "unspecified", "not specified", "null"), "unknown"),
}
_CLOCK = re.compile(
    r"(?P<clock>\d{1,2}(?::\d{2}){1,2}(?:\.\d+)?(?:\s*[ap]\.?m\.?)?|\d{1,2}\s*[ap]\.?m\.?|\d{4}|\d{6})"
    r"\s*\(?(?P<zone>[a-z]{1,4}|[+-]\d{2}:?\d{2})?\)?"
)
_ZONES = {
    **dict.fromkeys(("z", "utc", "gmt"), "UTC"),
    **dict.fromkeys(("et", "est", "edt"), "America/New_York"),
    **dict.fromkeys(("ct", "cst", "cdt"), "America/Chicago"),
    **dict.fromkeys(("pt", "pst", "pdt"), "America/Los_Angeles"),
    **dict.fromkeys(("cet", "cest"), "Europe/Paris"),
    "bst": "Europe/London",
    "jst": "Asia/Tokyo",
}
"""A zone by the letters behind a clock: those of summer and winter are one, as calendars confuse them."""
_MIDNIGHT = pd.Timedelta(0)
_LAST_SECOND = timedelta(hours=23, minutes=59, seconds=59)


_DAY_AND_TIME = re.compile(
    r"(?P<day>.*\d),?\s+(?:at\s+)?(?P<time>\d{1,2}(?::\d{2})?\s*[A-Za-z.][A-Za-z. ]*)", re.IGNORECASE
)


class Release(NamedTuple):
    """The day of an announcement where its exchange is, the time of that day, and the moment if known."""

    day: date
    timing: Timing
    released_at: datetime | None


def read_moments(cells: pd.Series) -> Dates:
    """Dates of a column and the times behind them; NaT where a cell is none.

    Dates of which the column does not settle the order of day and month are none, but for ISO dates.

    Example
    -------
    >>> read_moments(pd.Series(["23.01.2013 16:30", "soon"])).clock.tolist()
    [Timedelta('0 days 16:30:00'), NaT]

    """
    try:
        return read_dates(cells, lambda days: 0.0)
    except InvalidDataError:
        read = [_iso(str(cell).strip()) for cell in cells]
        days, clocks, offsets = zip(*read, strict=True) if read else ((), (), ())
        return Dates(
            pd.Series(days, cells.index, dtype="datetime64[s]"),
            pd.Series(clocks, cells.index, dtype="timedelta64[ns]"),
            pd.Series(offsets, cells.index, dtype="timedelta64[ns]"),
        )


def _iso(text: str) -> tuple[date | None, timedelta | None, timedelta | None]:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None, None, None
    midnight = datetime.combine(moment.date(), time(), moment.tzinfo)
    return moment.date(), moment - midnight if len(text) > len("2013-01-23") else None, moment.utcoffset()


def with_time_apart(columns: Mapping[str, pd.Series]) -> Mapping[str, pd.Series]:
    """Columns of a table without one of times, with those that pages write behind the day.

    Example
    -------
    >>> columns = with_time_apart({"date": pd.Series(["January 23, 2013 at 4 PM EST"])})
    >>> columns["date"][0], columns["time"][0]
    ('January 23, 2013', '4 PM EST')

    """
    dates = columns["date"]
    if "time" in columns or not (dates.dtype == object or pd.api.types.is_string_dtype(dates)):
        return columns
    found = dates.astype(str).str.extract(_DAY_AND_TIME)
    apart = found["time"].notna()
    if not apart.any():
        return columns
    return {**columns, "date": dates.where(~apart, found["day"]), "time": found["time"].fillna("")}


def are_instants(dates: Dates) -> bool:
    """Whether dates have a zone and are not all of midnight: then they are moments, else days.

    Example
    -------
    >>> are_instants(read_moments(pd.Series(["2013-01-23T00:00:00Z"])))
    False

    """
    clocks = dates.clock[dates.offset.notna()].dropna()
    return bool((clocks != _MIDNIGHT).any())


def release_of(
    day: date, clock: timedelta | None, offset: timedelta | None, text: str, exchange: Exchange
) -> Release:
    """What a row says of the time of an announcement.

    Parameters
    ----------
    day, clock
        As they are written in the date's cell; the clock is None where none is, or where only the day counts.
    offset
        What the zone of a moment is ahead of UTC; None where no zone is written, or only the day counts.
    text
        The cell of the time: a clock, with its zone or of the exchange's, or a word; it goes before the
        clock of the date's cell.

    Raises
    ------
    ValueError
        The text is no time.

    Example
    -------
    >>> release_of(date(2013, 1, 23), None, None, "amc", Exchange("XNYS")).timing
    'after'
    >>> half_past_noon, utc = timedelta(hours=12, minutes=30), timedelta(0)
    >>> release_of(date(2013, 1, 23), half_past_noon, utc, "", Exchange("XNYS")).timing
    'before'

    """
    local = ZoneInfo(exchange.time_zone)
    moment: datetime | None = None
    if clock is not None:
        moment = _moment(day, clock, offset, local)
        day = moment.date()
    words = " ".join(re.split(r"[\s_-]+", text.strip().lower())).strip().removeprefix("time ")
    if words not in _WORDS:
        moment = _at(day, text, local)
        day = moment.date()
    elif words or moment is None:
        return Release(day, _WORDS[words], None)
    timing = timing_of(day, moment.time(), exchange)
    return Release(day, timing, None if timing == "unknown" else moment.astimezone(UTC))


def _at(day: date, text: str, local: ZoneInfo) -> datetime:
    """A clock on a day, in its own zone or in that of the exchange, where the exchange is."""
    found = _CLOCK.fullmatch(text.strip().lower())
    named = (found and found["zone"]) or ""
    if not found or (named.isalpha() and named not in _ZONES):
        raise ValueError(f"'{text[:30]}' is no time: write HH:MM, before, during or after")
    clock = (
        found["clock"] if ":" in found["clock"] or found["clock"].isdigit() else _with_minutes(found["clock"])
    )
    nanoseconds = clock_time(clock)
    if nanoseconds is None or not _is_of_a_day(found["clock"], nanoseconds):
        raise ValueError(f"'{text[:30]}' is no time of a day")
    moment = datetime.combine(day, time()) + timedelta(microseconds=nanoseconds // 1000)
    if not named:
        return moment.replace(tzinfo=local)
    if named.isalpha():
        return moment.replace(tzinfo=ZoneInfo(_ZONES[named])).astimezone(local)
    return datetime.fromisoformat(f"{moment.isoformat()}{named}").astimezone(local)


def _with_minutes(clock: str) -> str:
    """A clock of hours alone, such as 4 pm, with minutes."""
    return re.sub(r"^(\d{1,2})", r"\1:00", clock)


def _is_of_a_day(clock: str, nanoseconds: int) -> bool:
    minutes = re.split(r"\D+", clock)[1] if ":" in clock else clock[2:4] if clock.isdigit() else "0"
    return nanoseconds < 24 * 3600 * 10**9 and int(minutes or 0) < 60


def known_moment(
    day: date, clock: timedelta | None, offset: timedelta | None, exchange: Exchange
) -> datetime:
    """The moment in UTC since which an announcement is known, from a date that is written.

    Without a clock it is the last second of the day, and without a zone that of the exchange counts: what is
    known on a day is known once the day is over.

    Example
    -------
    >>> known_moment(date(2013, 1, 8), None, None, Exchange("XNYS")).isoformat()
    '2013-01-09T04:59:59+00:00'

    """
    clock = _LAST_SECOND if clock is None else clock
    return _moment(day, clock, offset, ZoneInfo(exchange.time_zone)).astimezone(UTC)


def _moment(day: date, clock: timedelta, offset: timedelta | None, local: ZoneInfo) -> datetime:
    """A clock on a day, in the zone that is written or in that of the exchange, where the exchange is."""
    written = datetime.combine(day, time()) + clock
    if offset is None:
        return written.replace(tzinfo=local)
    return (written - offset).replace(tzinfo=UTC).astimezone(local)
