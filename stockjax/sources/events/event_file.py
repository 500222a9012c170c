"""Announcements from a file: a table with ticker, date and, where known, time, kind and known_at."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from stockjax.errors import InvalidDataError, UsageError
from stockjax.events.announcement import EARNINGS, Announcement
from stockjax.sessions import Exchange
from stockjax.sources.events.event_protocol import EventDelivery, EventRequest
from stockjax.sources.events.event_times import (
    are_instants,
    known_moment,
    read_moments,
    release_of,
    with_time_apart,
)
from stockjax.sources.files.containers import Sheet, sheets_of
from stockjax.sources.files.line_layouts import HEAD_LINES
from stockjax.wording import counted, first_of

_REPORT_DAYS = (
    "reportdate",
    "reporteddate",
    "earningsdate",
    "announcementdate",
    "announcedate",
    "rdq",
    "anndats",
)
_NAMES = {
    "ticker": ("ticker", "symbol", "tic", "code"),
    # Where a file has a day of the report, its `date` may be the end of the quarter.
    "date": (*_REPORT_DAYS, "date", "day", "eventdate", "releasedate"),
    "time": (
        *("time", "timing", "hour", "when", "reporttime", "reportedtime", "earningscalltime", "calltime"),
        *("announcementtime", "releasetime", "beforeaftermarket", "anntims"),
    ),
    "kind": ("kind", "type", "event", "eventtype"),
    "known_at": ("knownat", "announcedat"),
}
"""What a column means, by its heading without case, spaces and signs; the first that is there counts."""
_REQUIRED = ("ticker", "date")
_KIND = re.compile(r"[\w .:/&-]{1,40}")
_MOST_BYTES = 256 * 2**20
_MOST_REMARKS = 5
_LATE = timedelta(days=14)


class EventFile:
    """The announcements of a file, read whole each time it is asked.

    Parameters
    ----------
    name
        The name of the source in notices.

    """

    asks_by_ticker = False
    looks_ahead = True

    def __init__(self, path: Path, name: str = "files") -> None:
        self._path = path
        self.name = name

    def fetch(self, requests: Iterable[EventRequest]) -> Iterator[EventDelivery]:
        """The announcements of the tickers that are asked for, in one part.

        A row that cannot be read is left out and named.

        Raises
        ------
        InvalidDataError
            The file is no table of announcements.
        UsageError
            There is no such file.

        """
        asked = list(requests)
        table = read_table(self._path)
        content = hashlib.sha256(self._path.read_bytes()).hexdigest()[:16]
        exchanges = {request.ticker: request.exchange for request in asked}
        since = {
            request.ticker: pd.Timestamp(request.known_through - _LATE)
            for request in asked
            if request.known_through and request.content == content
        }
        first = table["ticker"].map(since).astype("datetime64[s]")
        # Of an unchanged file the earlier rows are stored.
        wanted = first.isna() | table["date"].isna() | (table["date"] >= first)
        mine = table[table["ticker"].isin(exchanges) & wanted]
        found, refused = [], []
        for row in mine.itertuples(index=True):
            try:
                found.append(_announcement(row, exchanges[str(row.ticker)], self.name))
            except ValueError as error:
                refused.append(f"row {int(str(row.Index)) + 1} ({row.ticker}): {error}")
        yield EventDelivery(
            tuple(found),
            frozenset(exchanges),
            refused=self._refused(refused),
            remarks=tuple(self._remarks(table, exchanges)),
            content=content,
        )

    def _refused(self, rows: list[str]) -> str:
        if not rows:
            return ""
        more = f", and {len(rows) - _MOST_REMARKS} more" if len(rows) > _MOST_REMARKS else ""
        shown = "; ".join(rows[:_MOST_REMARKS])
        count = counted(len(rows), "row")
        return f"'{self._path.name}': {count} left out: {shown}{more}; correct the file"

    def _remarks(self, table: pd.DataFrame, exchanges: dict[str, Exchange]) -> Iterator[str]:
        where = f"'{self._path.name}'"
        unused = table.attrs["unused"]
        if table.attrs["report_day"]:
            yield f"{where}: days are those of '{table.attrs['report_day']}', not of its column of dates"
        if unused:
            shown = first_of(unused, _MOST_REMARKS)
            yield f"{where}: {counted(len(unused), 'column')} not used: {shown}; used are {', '.join(_NAMES)}"
        others = sorted(set(table["ticker"]) - {"", *exchanges})
        if others and self.name != "sample":
            shown = first_of(others, _MOST_REMARKS)
            yield f"{where}: {counted(len(others), 'ticker')} not in this run: {shown}; name those to follow"


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a file, by row of the file.

    Columns: ticker, time and kind, text; date, clock and offset as the date is written, known_day,
    known_clock and known_offset for known_at; given and given_known are their texts. Its attribute `unused`
    names the columns that are not used, `report_day` the one that goes before a different `date`.

    Raises
    ------
    InvalidDataError
        The file is no table of announcements; the sentence says what it lacks.
    UsageError
        There is no such file.

    """
    if not path.is_file():
        raise UsageError(f"there is no file '{path}' of announcements; correct events.path (--events)")
    if path.stat().st_size > _MOST_BYTES:
        raise InvalidDataError(f"'{path.name}' is larger than 256 MB: it is no file of announcements")
    try:
        headings, cells = _headings_and_cells(list(sheets_of(path, path.name)))
    except InvalidDataError as error:
        raise InvalidDataError(
            f"'{path.name}' cannot be read ({error}); give CSV or Parquet with the columns ticker and date"
        ) from error
    if lacking := _lacking(headings):
        raise InvalidDataError(
            f"'{path.name}' has no column {' and no column '.join(lacking)}; it has {', '.join(headings[:8])}"
        )
    places = _places(headings)
    table = _table({name: cells[place] for name, place in places.items()})
    unused = [text[:30] for place, text in enumerate(headings) if text and place not in places.values()]
    table.attrs["unused"] = unused
    table.attrs["report_day"] = _other_date(headings, cells, places["date"])
    return table


def _places(headings: Sequence[str]) -> dict[str, int]:
    """The columns by their meanings."""
    plain = list(map(_plain, headings))
    found = {
        name: next((plain.index(spelling) for spelling in spellings if spelling in plain), None)
        for name, spellings in _NAMES.items()
    }
    return {name: place for name, place in found.items() if place is not None}


def _lacking(headings: Sequence[str]) -> list[str]:
    return [name for name in _REQUIRED if name not in _places(headings)]


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]", "", heading.lower())


def _headings_and_cells(sheets: Sequence[Sheet]) -> tuple[list[str], pd.DataFrame]:
    sheet = sheets[0]
    if len(sheets) > 1:
        raise InvalidDataError(f"it holds {len(sheets)} tables, '{sheet.name}' and others; keep one")
    if sheet.headings is not None:
        return [levels[0] for levels in sheet.headings], sheet.cells
    lines = [[str(cell).strip() for cell in line] for line in sheet.cells.head(HEAD_LINES).to_numpy()]
    first = next((place for place, line in enumerate(lines) if _lacking(line) == []), 0)
    return lines[first], sheet.cells.iloc[first + 1 :]


def _other_date(headings: Sequence[str], cells: pd.DataFrame, used: int) -> str:
    """The heading of the day of a report that is used in place of a column `date` with other days."""
    plain = list(map(_plain, headings))
    if plain[used] not in _REPORT_DAYS or "date" not in plain:
        return ""
    same = cells[used].astype(str).equals(cells[plain.index("date")].astype(str))
    return "" if same else headings[used]


def _table(columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    columns = with_time_apart(columns)
    text = pd.DataFrame(
        {
            name: cells.map(lambda cell: "" if pd.isna(cell) else str(cell).strip())
            for name, cells in columns.items()
            if name in ("ticker", "time", "kind")
        }
    )
    dates = read_moments(columns["date"])
    # Where all moments are of midnight days are meant, and their zone says nothing.
    of_instants = dates.offset.notna() & are_instants(dates)
    timed = of_instants | (dates.offset.isna() & (dates.clock != pd.Timedelta(0)))
    known = columns.get("known_at", pd.Series("", index=text.index, dtype=object))
    since = read_moments(known)
    return text.assign(
        date=dates.days,
        clock=dates.clock.where(timed),
        offset=dates.offset.where(of_instants),
        given=columns["date"].map(str),
        known_day=since.days,
        known_clock=since.clock,
        known_offset=since.offset,
        given_known=known.map(lambda cell: "" if pd.isna(cell) else str(cell).strip()),
    )


def _announcement(row: Any, exchange: Exchange, source: str) -> Announcement:
    """One row.

    Raises
    ------
    ValueError
        What is wrong with it.

    """
    if pd.isna(row.date):
        raise ValueError(f"'{row.given[:30]}' is no date")
    kind = getattr(row, "kind", "").lower() or EARNINGS
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind[:30]!a} is no kind")
    release = release_of(
        row.date.date(), _none(row.clock), _none(row.offset), getattr(row, "time", ""), exchange
    )
    return Announcement(
        ticker=row.ticker,
        day=release.day,
        source=source,
        kind=kind,
        timing=release.timing,
        released_at=release.released_at,
        known_at=_known_at(row, exchange),
    )


def _known_at(row: Any, exchange: Exchange) -> datetime | None:
    if row.given_known.lower() in {"", "nat", "nan", "none", "null"}:
        return None
    if pd.isna(row.known_day):
        raise ValueError(f"known_at '{row.given_known[:40]}' is no moment: write 2013-01-08T21:05:00Z")
    return known_moment(row.known_day.date(), _none(row.known_clock), _none(row.known_offset), exchange)


def _none(value: Any) -> Any:
    """A distance of pandas as one of Python; None where there is none."""
    return None if pd.isna(value) else value.to_pytimedelta()
