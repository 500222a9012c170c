"""From what sources say of a ticker to drafts of notices: what became known, and when."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from stockjax.events.announcement import Announcement, Status, Timing, end_of_day
from stockjax.events.cadence import is_regular
from stockjax.events.notice import Notice
from stockjax.sessions import Exchange

SAME_DAY_OF_SOURCES = timedelta(days=5)
"""So far apart, two sources still mean the same announcement."""

SAME_ANNOUNCEMENT = timedelta(days=45)
"""A regular report so far from the day that was expected is still the one that was expected."""

AHEAD: tuple[Status, ...] = ("scheduled", "estimated", "assumed", "projected")
_Key = tuple[str, Status, date, Timing]
"""What a source says in a notice, as `Notice.key`."""
_RANK: dict[Status, int] = {
    **dict.fromkeys(("projected", "assumed", "estimated", "scheduled"), 0),
    "withdrawn": 1,
    "reported": 2,
}


@dataclass(frozen=True)
class TickerNotices:
    """What a run knows when it asks what is new of one ticker and kind of announcement.

    Attributes
    ----------
    exchange
        Where the ticker trades.
    notice
        Sessions ahead at which a regular announcement of the past counts as known.
    as_of, now
        The last session that the run may use, and the moment of the run.
    checked_through
        The session through which an earlier run has asked already: what it did not see then became known
        later. None if this is the first run that asks.
    live
        Whether the source tells what is true today, so that what it says is known since it was seen.
    stored
        The notices of the ticker that earlier runs wrote, in their order.

    """

    exchange: Exchange
    notice: int
    as_of: date
    now: datetime
    checked_through: date | None = None
    live: bool = False
    stored: Sequence[Notice] = ()


@dataclass(frozen=True)
class Draft:
    """A notice before it is decided which announcement it is about, and which session reacts.

    Attributes
    ----------
    regular
        Whether the announcement keeps the cadence of the ticker's earlier ones.
    stored
        The notice itself, where an earlier run has written it.

    """

    said: Announcement
    status: Status
    known_at: datetime
    known_from: date
    regular: bool
    stored: Notice | None = None

    @property
    def order(self) -> tuple[date, datetime, int, date]:
        """Its place among the others: when it became known."""
        return self.known_from, self.known_at, _RANK[self.status], self.said.day


def drafts(announcements: Iterable[Announcement], run: TickerNotices) -> list[Draft]:
    """What became known of each announcement by `as_of`, with the notices that are stored, in that order."""
    made = [notice for notice in run.stored if notice.status == "reported"]
    # What one source has reported another need not report again, a few days apart.
    given = [
        said
        for said in announcements
        if not any(
            said.source != notice.source and abs(said.day - notice.day) <= SAME_DAY_OF_SOURCES
            for notice in made
        )
    ]
    stored = [notice for notice in run.stored if notice.status != "projected"]
    regular = _regular_days(merged([*map(_said_in, made), *given]))
    found = [
        Draft(
            _said_in(notice),
            notice.status,
            notice.known_at,
            notice.known_from,
            notice.day in regular,
            notice,
        )
        for notice in stored
    ]
    newest = {notice.announcement_id: notice for notice in stored}.values()
    seen = _seen(stored)
    # A time of day that is missing later takes none back.
    timed = {(source, status, day) for source, status, day, timing in seen if timing != "unknown"}
    for said in merged(given):
        for status, moment, known_from in _when_known(said, run, newest, regular=said.day in regular):
            fresh = (said.source, status, said.day, said.timing) not in seen
            less = said.timing == "unknown" and (said.source, status, said.day) in timed
            if fresh and not less and known_from <= run.as_of:
                found.append(Draft(said, status, moment, known_from, said.day in regular))
    found += _withdrawn(given, stored, run)
    return sorted(found, key=lambda draft: draft.order)


def merged(announcements: Iterable[Announcement]) -> list[Announcement]:
    """One for each announcement, in the order of their days.

    Of several of one day and source, one whose time of day is known; of several sources that differ by a few
    days, the one that is named first.
    """
    by_source: dict[str, dict[date, Announcement]] = {}
    for said in announcements:
        days = by_source.setdefault(said.source, {})
        present = days.get(said.day)
        if present is None or (present.timing == "unknown" and said.timing != "unknown"):
            days[said.day] = said
    kept: list[Announcement] = []
    for days in by_source.values():
        taken = [said.day for said in kept]
        kept += [
            said
            for day, said in days.items()
            if not taken or min(abs(day - other) for other in taken) > SAME_DAY_OF_SOURCES
        ]
    return sorted(kept, key=lambda said: said.day)


def _regular_days(announcements: Iterable[Announcement]) -> set[date]:
    regular: list[date] = []
    for said in announcements:
        if is_regular(said.day, regular):
            regular.append(said.day)
    return set(regular)


def _seen(stored: Sequence[Notice]) -> set[_Key]:
    """What sources have said already; a date that they have moved, or a report corrected, may come again."""
    moved = {notice.supersedes for notice in stored if notice.status in AHEAD or notice.status == "withdrawn"}
    corrected = {notice.supersedes for notice in stored if notice.status == "reported"}
    return {
        notice.key
        for notice in stored
        if notice.status == "withdrawn"
        or notice.notice_id not in (corrected if notice.status == "reported" else moved)
    }


def _when_known(
    said: Announcement, run: TickerNotices, newest: Collection[Notice], *, regular: bool
) -> list[tuple[Status, datetime, date]]:
    """The notices of an announcement: their status, the moment, and the first session that can use them."""
    ahead: Status = "estimated" if said.estimated else "scheduled"
    seen_now: tuple[Status, datetime, date] = (
        "reported" if said.day <= run.as_of else ahead,
        run.now,
        run.as_of,
    )
    first_time = run.checked_through is None
    unconfirmed = said.estimated and said.day <= run.as_of
    if unconfirmed or _place(said.day, run.exchange) is None:
        return []
    if run.live and (not first_time or said.day > run.as_of):
        return [seen_now]
    of_record = _as_recorded(said, run, ahead, regular=regular)
    checked = run.checked_through
    if checked is None:
        return of_record
    kept = [each for each in of_record if each[2] > checked]
    known = {(notice.source, notice.day, notice.timing) for notice in newest}
    if len(kept) == len(of_record) or (said.source, said.day, said.timing) in known:
        return kept
    # What an earlier run would have seen and did not was put in later.
    return kept if kept and said.day <= run.as_of else [seen_now, *kept]


def _as_recorded(
    said: Announcement, run: TickerNotices, ahead: Status, *, regular: bool
) -> list[tuple[Status, datetime, date]]:
    """The notices of an announcement of which nothing is stored."""
    exchange = run.exchange
    place = _place(said.day, exchange)
    over = said.released_at or end_of_day(said.day, exchange)
    moments: list[tuple[Status, datetime]] = [("reported", over)]
    if said.known_at and said.known_at < over:
        moments.insert(0, (ahead, said.known_at))
    elif said.known_at:
        moments = [("reported", said.known_at)]
    elif regular and place is not None and not said.estimated:
        first: date = exchange.every_session[max(place - run.notice, 0)].item()
        moments.insert(0, ("assumed", end_of_day(first, exchange)))
    found = [(status, moment, first_session_after(moment, exchange)) for status, moment in moments]
    return [(status, moment, session) for status, moment, session in found if session is not None]


def _withdrawn(given: Sequence[Announcement], stored: Sequence[Notice], run: TickerNotices) -> list[Draft]:
    """Dates to come that a live source has taken back without naming another."""
    if not run.live or run.checked_through is None:
        return []
    replaced = {notice.supersedes for notice in stored}
    found = []
    for notice in stored:
        is_open = notice.status in ("scheduled", "estimated") and notice.day > run.as_of
        same = [said for said in given if abs(said.day - notice.day) <= SAME_ANNOUNCEMENT]
        if is_open and notice.notice_id not in replaced and not same:
            found.append(Draft(_said_in(notice), "withdrawn", run.now, run.as_of, False))
    return found


def _said_in(notice: Notice) -> Announcement:
    return Announcement(notice.ticker, notice.day, notice.source, notice.kind, notice.timing)


def _place(day: date, exchange: Exchange) -> int | None:
    """The number of the first session on or after a day; None where the calendar does not reach."""
    every = exchange.every_session
    place = int(every.searchsorted(np.datetime64(day, "D")))
    return place if place < len(every) - 1 else None


def first_session_after(moment: datetime, exchange: Exchange) -> date | None:
    """The first session on whose day a moment falls, or the next one: from it on it can be used.

    A night after the close knows what the day brought, and nothing of the weekend.

    Example
    -------
    >>> from datetime import UTC
    >>> first_session_after(datetime(2013, 1, 23, 21, 30, tzinfo=UTC), Exchange("XNYS"))
    datetime.date(2013, 1, 23)

    """
    place = _place(moment.astimezone(ZoneInfo(exchange.time_zone)).date(), exchange)
    found: date | None = None if place is None else exchange.every_session[place].item()
    return found
