"""Announcements from a file: CSV or Parquet with ticker, date and, where known, time, kind and known_at."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from stockjax.errors import InvalidDataError, UsageError
from stockjax.events.announcement import EARNINGS, Announcement, Timing, timing_of
from stockjax.sessions import Exchange
from stockjax.sources.events.event_protocol import EventDelivery, EventRequest
from stockjax.sources.files.cell_dates import read_dates
from stockjax.wording import counted, first_of

_NAMES = {
    "ticker": ("ticker", "symbol"),
    "date": ("date", "day", "report_date", "reportdate", "earnings_date", "earningsdate"),
    "time": ("time", "timing", "hour", "when"),
    "kind": ("kind", "type", "event"),
    "known_at": ("known_at", "knownat", "announced_at"),
}
_REQUIRED = ("ticker", "date")
_WORDS: dict[str, Timing] = {
    **dict.fromkeys(("before", "bmo", "pre", "premarket", "pre-market", "before market open"), "before"),
    **dict.fromkeys(("during", "dmh", "during market hours"), "during"),
    **dict.fromkeys(("after", "amc", "post", "postmarket", "post-market", "after market close"), "after"),
    **dict.fromkeys(("", "unknown", "tbd", "tns", "na", "n/a", "none", "nan", "nat", "-"), "unknown"),
}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?")
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
                refused.append(f"row {int(str(row.Index)) + 2} ({row.ticker}): {error}")
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
        if unused:
            shown = first_of(unused, _MOST_REMARKS)
            yield f"{where}: {counted(len(unused), 'column')} not used: {shown}; used are {', '.join(_NAMES)}"
        others = sorted(set(table["ticker"]) - set(exchanges))
        if others and self.name != "sample":
            shown = first_of(others, _MOST_REMARKS)
            yield f"{where}: {counted(len(others), 'ticker')} not in this run: {shown}; name those to follow"


def read_table(path: Path) -> pd.DataFrame:
    """The file as text cells under the names ticker, date, time, kind and known_at, by row of the file.

    Its attribute `unused` names the columns that are none of these.

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
        if path.suffix.lower() in {".parquet", ".pq"}:
            table = pd.read_parquet(path)
            table = table.reset_index() if table.index.name else table
        else:
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, encoding="utf-8-sig", sep=_separator(path)
            )
    except Exception as error:
        why = " ".join(str(error).split())[:80]
        raise InvalidDataError(
            f"'{path.name}' cannot be read ({why}); give CSV or Parquet with the columns ticker and date"
        ) from error
    found = {}
    headings = {re.sub(r"[\s-]+", "_", str(name).strip().lower()): name for name in table.columns}
    for name, spellings in _NAMES.items():
        there = [headings[spelling] for spelling in spellings if spelling in headings]
        if there:
            found[name] = table[there[0]]
    lacking = [name for name in _REQUIRED if name not in found]
    if lacking:
        raise InvalidDataError(
            f"'{path.name}' has no column {' and no column '.join(lacking)}; "
            f"it has {', '.join(map(str, list(table.columns)[:8]))}"
        )
    used = {str(column.name) for column in found.values()}
    text = _as_text(pd.DataFrame(found))
    text.attrs["unused"] = [str(name)[:30] for name in table.columns if str(name) not in used]
    return text


def _separator(path: Path) -> str:
    """The one of the usual separators that the headings have most of."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        headings = file.readline(4096)
    return max(",;\t|", key=headings.count)


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    dates = table["date"]
    try:
        read = read_dates(dates)
        days, clock = read.days, read.clock
    except InvalidDataError:
        # Each cell by itself: those that are ISO dates are kept, the others are refused by row.
        days = pd.to_datetime(dates.astype(str).str.strip(), format="%Y-%m-%d", errors="coerce")
        clock = pd.Series(pd.NaT, index=dates.index)
    text = pd.DataFrame(
        {
            each: table[each].map(lambda cell: "" if pd.isna(cell) else str(cell).strip())
            for each in table
            if each != "date"
        },
        index=table.index,
    )
    if "time" not in text and clock.notna().any():
        text["time"] = (pd.Timestamp(0) + clock).dt.strftime("%H:%M").fillna("")
    return text.assign(date=days, given=dates.map(str)).reset_index(drop=True)


def _announcement(row: object, exchange: Exchange, source: str) -> Announcement:
    """One row.

    Raises
    ------
    ValueError
        What is wrong with it.

    """
    ticker, day = str(getattr(row, "ticker", "")), getattr(row, "date", pd.NaT)
    if pd.isna(day):
        raise ValueError(f"'{str(getattr(row, 'given', ''))[:30]}' is no date")
    clock = str(getattr(row, "time", ""))
    kind = str(getattr(row, "kind", "")).strip().lower() or EARNINGS
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind[:30]!a} is no kind")
    timing, released = _timing(clock, day.date(), exchange)
    return Announcement(
        ticker=ticker,
        day=day.date(),
        source=source,
        kind=kind,
        timing=timing,
        released_at=released,
        known_at=_moment(str(getattr(row, "known_at", "")), exchange),
    )


def _timing(text: str, day: date, exchange: Exchange) -> tuple[Timing, datetime | None]:
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word], None
    found = _CLOCK.fullmatch(word)
    if not found:
        raise ValueError(f"'{text[:30]}' is no time: write HH:MM, before, during or after")
    hour, minute, half = int(found[1]), int(found[2]), (found[3] or "").lower()
    if half:
        hour = hour % 12 + 12 * (half == "p")
    if hour > 23 or minute > 59:
        raise ValueError(f"'{text[:30]}' is no time of a day")
    clock = time(hour, minute)
    timing = timing_of(day, clock, exchange)
    if timing == "unknown":
        return timing, None
    return timing, datetime.combine(day, clock, ZoneInfo(exchange.time_zone)).astimezone(UTC)


def _moment(text: str, exchange: Exchange) -> datetime | None:
    if text.strip().lower() in {"", "nat", "nan", "none"}:
        return None
    try:
        moment = pd.Timestamp(text)
    except ValueError:
        raise ValueError(f"known_at '{text[:40]}' is no moment: write 2013-01-08T21:05:00Z") from None
    if moment.tzinfo is None:
        if len(text.strip()) <= len("2013-01-08"):
            # A day alone is over before what it says is known.
            moment = moment + pd.Timedelta(hours=23, minutes=59, seconds=59)
        moment = moment.tz_localize(ZoneInfo(exchange.time_zone))
    return moment.tz_convert(UTC).to_pydatetime()
