"""What a source says of one announcement."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from stockjax.sessions import Exchange

Timing = Literal["before", "during", "after", "unknown"]
Status = Literal["scheduled", "estimated", "reported", "assumed", "projected", "withdrawn"]
TIMINGS: tuple[Timing, ...] = get_args(Timing)

EARNINGS = "earnings"
"""The kind of announcement that sources tell unless they say otherwise."""


@dataclass(frozen=True)
class Announcement:
    """One announcement as a source has it.

    Attributes
    ----------
    day
        The day on which it is made, in the time zone of the exchange.
    timing
        Its time of day against the hours of the exchange.
    released_at
        The moment at which it was made, aware, if the source knows it.
    known_at
        The moment since which this day was known, aware, if the source recorded it.
    estimated
        Whether the source says that the day is its own estimate.
    timing_is_reliable
        Whether the timing is a fact; otherwise past price reactions may contradict it.

    """

    ticker: str
    day: date
    source: str
    kind: str = EARNINGS
    timing: Timing = "unknown"
    released_at: datetime | None = None
    known_at: datetime | None = None
    estimated: bool = False
    timing_is_reliable: bool = True

    @property
    def key(self) -> tuple[str, date, Timing, bool]:
        """What makes it the same announcement, said by the same source in the same words."""
        return self.source, self.day, self.timing, self.estimated


def timing_of(day: date, clock: time, exchange: Exchange) -> Timing:
    """Where a time of day is against the session of that day; midnight means that it is not known.

    Example
    -------
    >>> nyse = Exchange("XNYS")
    >>> timing_of(date(2013, 1, 23), time(16, 30), nyse), timing_of(date(2013, 1, 23), time(7), nyse)
    ('after', 'before')
    >>> timing_of(date(2012, 11, 23), time(13, 30), nyse)  # the market closed at 13:00
    'after'
    >>> timing_of(date(2013, 1, 23), time(0, 0), nyse)
    'unknown'

    """
    if clock == time(0, 0):
        return "unknown"
    if not exchange.is_session(day):
        # Whatever the time, the next session reacts.
        return "before"
    moment = datetime.combine(day, clock, ZoneInfo(exchange.time_zone)).astimezone(UTC)
    if moment < exchange.opens_at(day):
        return "before"
    return "after" if moment >= exchange.closes_at(day) else "during"


def end_of_day(day: date, exchange: Exchange) -> datetime:
    """The last second of a day where the exchange is, in UTC."""
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(exchange.time_zone)).astimezone(UTC)
