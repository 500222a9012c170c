"""Announcements of a warehouse derived once more, with those that became known after a session altered.

Of announcements whose knowledge was assumed or followed from their day, all is derived again from the days
alone: a leak in the derivation shows as well. What a run has recorded as it became known is kept as it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Literal
from zlib import crc32

import pandas as pd

from stockjax.events import Announcement, Notice, TickerNotices, Timing, new_notices
from stockjax.events.announcement import end_of_day
from stockjax.ingest.announcements import reactions_of
from stockjax.sessions import Exchange

Alteration = Literal["none", "cut", "corrupted"]

_RECORDED = ("scheduled", "estimated", "withdrawn")
_NEAREST, _FARTHEST = 3, 40
"""Days by which a corrupted announcement is moved to later."""


def altered_notices(
    stored: Iterable[Notice],
    given: Iterable[Announcement],
    prices: pd.DataFrame,
    exchanges: Mapping[str, Exchange],
    notice: int,
    as_of: date,
    alteration: Alteration,
) -> list[Notice]:
    """The notices of all tickers as they would be if what became known after `as_of` were another.

    Parameters
    ----------
    stored
        The notices of the warehouse.
    given
        Announcements that take the place of those of the warehouse.
    prices
        Columns ticker, session, adj_close and volume, by ticker and session: up to `as_of` as they were known
        then.
    notice
        Sessions ahead at which a regular announcement of the past counts as known.

    """
    by_ticker: dict[tuple[str, str], list[Notice]] = defaultdict(list)
    for each in stored:
        by_ticker[each.ticker, each.kind].append(each)
    said: dict[tuple[str, str], list[Announcement]] = defaultdict(list)
    for one in given:
        said[one.ticker, one.kind].append(one)
    recorded: dict[tuple[str, str], list[Notice]] = {}
    if not said:
        for key, notices in by_ticker.items():
            said[key], recorded[key] = _split(notices)
    rows_of = {str(ticker): rows for ticker, rows in prices.groupby("ticker", sort=False)}
    found: list[Notice] = []
    for key, some in said.items():
        ticker = key[0]
        if ticker not in exchanges or ticker not in rows_of:
            continue
        exchange = exchanges[ticker]
        moves = reactions_of(rows_of[ticker], exchange)
        last = exchange.every_session[-2].item()
        run = TickerNotices(exchange, notice, last, end_of_day(last, exchange))
        kept = [each for each in recorded.get(key, []) if alteration == "none" or each.known_from <= as_of]
        run = replace(run, stored=kept)
        known = _first_known(new_notices(some, run, moves))
        changed = _altered(some, known, as_of, alteration)
        found += [*kept, *new_notices(changed, run, moves)]
    return found


def _split(notices: Sequence[Notice]) -> tuple[list[Announcement], list[Notice]]:
    """The announcements that follow from their days alone, and the notices that were recorded ahead."""
    live = {each.announcement_id for each in notices if each.status in _RECORDED}
    derivable = [
        Announcement(each.ticker, each.day, each.source, each.kind, each.timing, released_at=each.known_at)
        for each in notices
        if each.status == "reported" and each.announcement_id not in live
    ]
    recorded = [each for each in notices if each.announcement_id in live and each.status != "projected"]
    return derivable, recorded


def _first_known(notices: Iterable[Notice]) -> dict[date, date]:
    """By day of an announcement, the first session that could use it."""
    found: dict[date, date] = {}
    for each in notices:
        if each.status != "projected":
            found[each.day] = min(each.known_from, found.get(each.day, date.max))
    return found


def _altered(
    said: Sequence[Announcement], known: Mapping[date, date], as_of: date, alteration: Alteration
) -> list[Announcement]:
    """Without those that became known later, or with these on other days and at other times."""
    kept = [each for each in said if alteration == "none" or known.get(each.day, date.max) <= as_of]
    if alteration != "corrupted":
        return kept
    later = [each for each in said if known.get(each.day, date.max) > as_of]
    return [*kept, *(_corrupted(each) for each in later)]


def _corrupted(said: Announcement) -> Announcement:
    moved = timedelta(days=_NEAREST + crc32(f"{said.ticker}{said.day}".encode()) % (_FARTHEST - _NEAREST))
    released: datetime | None = said.released_at + moved if said.released_at else None
    known: datetime | None = said.known_at + moved if said.known_at else None
    timing: Timing = "before" if said.timing == "after" else "after"
    return replace(said, day=said.day + moved, timing=timing, released_at=released, known_at=known)
