"""When an exchange trades: sessions, their opening and closing, in UTC."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import exchange_calendars
import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.errors import CalendarError, UsageError

FIRST_KNOWN_DATE = date(1990, 1, 1)


@dataclass(frozen=True)
class Exchange:
    """The trading sessions of one exchange, named by its ISO 10383 code."""

    code: str

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on `day`.

        Example
        -------
        >>> Exchange("XNYS").is_session(date(2013, 12, 25))
        False

        """
        return bool(_calendar(self.code).is_session(pd.Timestamp(day)))

    def last_session_on_or_before(self, day: date) -> date:
        """The session `day` itself, or the one before it.

        Raises
        ------
        CalendarError
            The calendar ends before `day`.

        """
        if day > self.last_known:
            raise self._ended()
        return _as_date(_calendar(self.code).date_to_session(pd.Timestamp(day), "previous"))

    def last_completed_session(self, moment: datetime) -> date:
        """The newest session that has closed at `moment` (an aware datetime).

        Raises
        ------
        CalendarError
            The calendar ends before that moment.

        """
        minute = pd.Timestamp(moment.astimezone(UTC)).floor("min")
        if minute > _calendar(self.code).last_minute:
            raise self._ended()
        return _as_date(_calendar(self.code).minute_to_past_session(minute, 1))

    def next_session(self, session: date) -> date:
        """The session after `session`: what a forecast made at its close is about.

        Raises
        ------
        CalendarError
            `session` is the last one that the calendar knows, or later.

        """
        if session >= self.last_known:
            raise self._ended()
        return _as_date(_calendar(self.code).next_session(pd.Timestamp(session)))

    def opens_at(self, session: date) -> datetime:
        """The moment the session opens, in UTC."""
        moment: datetime = _calendar(self.code).session_open(pd.Timestamp(session)).to_pydatetime()
        return moment.astimezone(UTC)

    def closes_at(self, session: date) -> datetime:
        """The moment the session closes, in UTC.

        Example
        -------
        >>> Exchange("XNYS").closes_at(date(2013, 3, 1)).isoformat()
        '2013-03-01T21:00:00+00:00'

        """
        moment: datetime = _calendar(self.code).session_close(pd.Timestamp(session)).to_pydatetime()
        return moment.astimezone(UTC)

    def sessions(self, first: date, last: date) -> npt.NDArray[np.datetime64]:
        """All sessions from `first` to `last`, both included, shape (n,), unit days.

        Example
        -------
        >>> Exchange("XNYS").sessions(date(2013, 3, 1), date(2013, 3, 5)).astype(str).tolist()
        ['2013-03-01', '2013-03-04', '2013-03-05']

        """
        index = _calendar(self.code).sessions_in_range(pd.Timestamp(first), pd.Timestamp(last))
        return index.to_numpy().astype("datetime64[D]")

    @property
    def every_session(self) -> npt.NDArray[np.datetime64]:
        """All sessions that the calendar knows, (n,), unit days: up to a year from now."""
        return _calendar(self.code).sessions.to_numpy().astype("datetime64[D]")

    @property
    def early_closes(self) -> npt.NDArray[np.datetime64]:
        """The sessions that close early, (n,), unit days."""
        return _calendar(self.code).early_closes.to_numpy().astype("datetime64[D]")

    @property
    def time_zone(self) -> str:
        """The zone that its days are counted in, by its IANA name."""
        return str(_calendar(self.code).tz)

    def is_in(self, zone: str) -> bool:
        """Whether clocks of that zone show the same time as the exchange's, this year.

        Example
        -------
        >>> Exchange("XNYS").is_in("America/Detroit"), Exchange("XNYS").is_in("Asia/Kuwait")
        (True, False)

        """
        moments = [datetime(self.last_known.year, month, 1, tzinfo=UTC) for month in range(1, 13)]
        try:
            other = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return False
        own = ZoneInfo(self.time_zone)
        return all(
            moment.astimezone(own).utcoffset() == moment.astimezone(other).utcoffset() for moment in moments
        )

    @property
    def first_known(self) -> date:
        """The first session that the calendar knows."""
        return _as_date(_calendar(self.code).first_session)

    @property
    def last_known(self) -> date:
        """The last session that the calendar knows: a year from now, or where its release ends.

        Example
        -------
        >>> Exchange("XNYS").last_known > date(2026, 1, 1)
        True

        """
        return _as_date(_calendar(self.code).last_session)

    def sessions_left(self, session: date) -> int:
        """How many sessions after `session` the calendar knows.

        Example
        -------
        >>> nyse = Exchange("XNYS")
        >>> nyse.sessions_left(nyse.last_known)
        0

        """
        every = self.every_session
        return len(every) - int(every.searchsorted(np.datetime64(session, "D"), side="right"))

    def _ended(self) -> CalendarError:
        return CalendarError(
            f"the calendar {self.code} is known to {self.last_known} only; upgrade exchange-calendars"
        )

    def sessions_after(self, days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
        """For each of `days` (n,), the first session after it (n,), unit days."""
        every = self.every_session
        return every[np.searchsorted(every, days.astype("datetime64[D]"), side="right")]


def exchange(code: str) -> Exchange:
    """The exchange of that code.

    Raises
    ------
    UsageError
        The code is unknown.

    Example
    -------
    >>> exchange("XNYS").next_session(date(2013, 3, 1))
    datetime.date(2013, 3, 4)

    """
    if code not in exchange_calendars.get_calendar_names(include_aliases=True):
        raise UsageError(f"there is no exchange '{code}'; use an ISO 10383 code such as XNYS")
    return Exchange(exchange_calendars.resolve_alias(code))


def usable_exchanges(
    exchanges: Iterable[Exchange], check: Callable[[Exchange], object]
) -> tuple[list[Exchange], dict[Exchange, CalendarError]]:
    """The exchanges whose calendars know what is asked of them, and why the others cannot be used.

    Parameters
    ----------
    check
        Raises `CalendarError` if the calendar of an exchange does not know it.

    Raises
    ------
    CalendarError
        None can be used.

    """
    usable: list[Exchange] = []
    faults: dict[Exchange, CalendarError] = {}
    for each in dict.fromkeys(exchanges):
        try:
            check(each)
            usable.append(each)
        except CalendarError as error:
            faults[each] = error
    if faults and not usable:
        raise next(iter(faults.values()))
    return usable, faults


@cache
def _calendar(code: str) -> exchange_calendars.ExchangeCalendar:
    try:
        try:
            return exchange_calendars.get_calendar(code, start=FIRST_KNOWN_DATE.isoformat())
        except ValueError:
            # Its bounds are known to a calendar that begins after them.
            earliest = exchange_calendars.get_calendar(code, start="2024-01-01").bound_min()
            if earliest is None or earliest.date() <= FIRST_KNOWN_DATE:
                raise
            return exchange_calendars.get_calendar(code, start=earliest.date().isoformat())
    except Exception as error:
        # Some releases of exchange-calendars and pandas do not fit for some exchanges, in many ways.
        why = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise CalendarError(
            f"the calendar {code} cannot be built ({why}); install another release of exchange-calendars, "
            "or name another exchange for its tickers"
        ) from error


def _as_date(stamp: pd.Timestamp) -> date:
    day: date = stamp.date()
    return day
