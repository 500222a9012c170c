"""A notice: what was known of an announcement from a moment on. Notices are never changed."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pandas as pd

from stockjax.events.announcement import Status, Timing

NOTICE_COLUMNS = (
    "notice_id",
    "announcement_id",
    "ticker",
    "kind",
    "date",
    "timing",
    "reaction",
    "after_close",
    "exact",
    "status",
    "known_at",
    "known_from",
    "source",
    "supersedes",
)
"""Columns of a table of notices."""

_DAYS, _NUMBERS = ("date", "reaction", "known_from"), ("after_close", "exact")
_TEXTS = tuple(name for name in NOTICE_COLUMNS if name not in {*_DAYS, *_NUMBERS, "known_at"})


@dataclass(frozen=True)
class Notice:
    """What was known of an announcement since `known_at`.

    Attributes
    ----------
    day
        The day on which it is made, where the exchange is.
    announcement_id
        The identity of the announcement: all notices of it have the same.
    reaction
        The session whose return holds the reaction; with unknown timing the more likely one.
    after_close
        Probability that the session after `day` reacts, and not that of `day`.
    exact
        Probability that `day` is right; less than 1 where it is projected.
    known_at
        The moment since which this was known, aware.
    known_from
        The first session from whose close this could be used.
    supersedes
        The notice of the same announcement that this one replaces.

    """

    announcement_id: str
    ticker: str
    kind: str
    day: date
    timing: Timing
    reaction: date
    after_close: float
    exact: float
    status: Status
    known_at: datetime
    known_from: date
    source: str
    supersedes: str | None = None

    @property
    def notice_id(self) -> str:
        """A fingerprint of its content, 16 hex digits."""
        parts = (self.announcement_id, self.source, self.status, self.day, self.timing, self.known_from)
        return fingerprint(self.ticker, self.kind, *parts)

    @property
    def key(self) -> tuple[str, Status, date, Timing]:
        """What a source says in it."""
        return self.source, self.status, self.day, self.timing


def fingerprint(*parts: object) -> str:
    """SHA-256 of some values, 16 hex digits."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def notices_table(notices: Iterable[Notice]) -> pd.DataFrame:
    """The notices as a table with `NOTICE_COLUMNS`, moments in UTC without a zone."""
    rows = [
        {
            **{name: getattr(notice, "day" if name == "date" else name) for name in NOTICE_COLUMNS},
            "known_at": notice.known_at.astimezone(UTC).replace(tzinfo=None, microsecond=0),
        }
        for notice in notices
    ]
    table = pd.DataFrame(rows, columns=list(NOTICE_COLUMNS))
    for name in (*_DAYS, "known_at"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
    for name in _NUMBERS:
        table[name] = table[name].astype(float)
    for name in _TEXTS:
        table[name] = table[name].astype("str")
    return table


def notices_from_table(table: pd.DataFrame) -> Iterator[Notice]:
    """The notices of a table with `NOTICE_COLUMNS`, in its order."""
    days = {name: table[name].dt.date.tolist() for name in _DAYS}
    moments = table["known_at"].dt.tz_localize(UTC).dt.to_pydatetime().tolist()
    texts = {name: table[name].tolist() for name in _TEXTS}
    numbers = {name: table[name].to_numpy(dtype=float).tolist() for name in _NUMBERS}
    for row in range(len(table)):
        before = texts["supersedes"][row]
        yield Notice(
            announcement_id=texts["announcement_id"][row],
            ticker=texts["ticker"][row],
            kind=texts["kind"][row],
            day=days["date"][row],
            timing=texts["timing"][row],
            reaction=days["reaction"][row],
            after_close=numbers["after_close"][row],
            exact=numbers["exact"][row],
            status=texts["status"][row],
            known_at=moments[row],
            known_from=days["known_from"][row],
            source=texts["source"][row],
            supersedes=before if isinstance(before, str) else None,
        )
