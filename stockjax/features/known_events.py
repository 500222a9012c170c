"""Announcements as they were known at any session, in numbers of sessions of their exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.sessions import Exchange

Numbers = npt.NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
"""The number of a session that does not come."""

_FROM_EARLIER_REPORTS = ("projected", "reported")


@dataclass(frozen=True, eq=False)
class KnownEvents:
    """Notices of announcements of N tickers, n in all.

    Attributes
    ----------
    tickers
        N symbols.
    row
        (n,) number of the ticker.
    day
        (n,) number of the session of the announcement's day, or of the next one.
    after_close
        (n,) probability that the session after it reacts.
    exact
        (n,) probability that this is the day.
    reaction
        (n,) number of the session that the notice says reacts.
    known, until
        (n,) number of the session from which the notice holds, and from which the next one of the
        same announcement does.
    reported, withdrawn
        (n,) whether the announcement was made, or its date was taken back.
    missed
        (n,) sessions by which the ticker's last report came after the day that had been projected for it,
        before the notice; 0 where it came on that day, or none was projected.

    """

    tickers: tuple[str, ...]
    row: Numbers
    day: Numbers
    after_close: npt.NDArray[np.float64]
    exact: npt.NDArray[np.float64]
    reaction: Numbers
    known: Numbers
    until: Numbers
    reported: npt.NDArray[np.bool_]
    withdrawn: npt.NDArray[np.bool_]
    missed: Numbers

    @classmethod
    def from_notices(
        cls,
        notices: pd.DataFrame,
        tickers: Sequence[str],
        exchanges: Mapping[str, Exchange],
        history: str = "assumed",
    ) -> "KnownEvents":
        """Arrange a table of notices, in the order in which they became known.

        Parameters
        ----------
        notices
            Columns of `stockjax.events.NOTICE_COLUMNS`; those of other tickers are left out.
        exchanges
            By ticker, the calendar that counts its sessions.
        history
            assumed: every notice; projected: only what followed from earlier reports.

        """
        number = {ticker: row for row, ticker in enumerate(tickers)}
        kept = notices["ticker"].isin(number)
        if history == "projected":
            kept &= notices["status"].isin(_FROM_EARLIER_REPORTS)
        table = notices[kept]
        row = np.array([number[ticker] for ticker in table["ticker"]], dtype=np.int64)
        codes = [exchanges[ticker].code for ticker in tickers]
        calendar = {code: Exchange(code).every_session for code in dict.fromkeys(codes)}
        placed: dict[str, Numbers] = {}
        for name in ("date", "reaction", "known_from"):
            days = table[name].to_numpy().astype("datetime64[D]")
            placed[name] = np.zeros(len(table), dtype=np.int64)
            for code, sessions in calendar.items():
                here = np.array([codes[each] == code for each in row], dtype=bool)
                placed[name][here] = np.searchsorted(sessions, days[here])
        status = table["status"].to_numpy(dtype=object)
        known, reported = placed["known_from"], status == "reported"
        _, number_of = np.unique(table["announcement_id"].to_numpy(dtype=str), return_inverse=True)
        return cls(
            tickers=tuple(tickers),
            row=row,
            day=placed["date"],
            after_close=table["after_close"].to_numpy(dtype=np.float64),
            exact=table["exact"].to_numpy(dtype=np.float64),
            reaction=placed["reaction"],
            known=known,
            until=_until(number_of, known),
            reported=reported,
            withdrawn=status == "withdrawn",
            missed=_missed(row, number_of, placed["date"], known, reported, status == "projected"),
        )

    def only(self, tickers: Sequence[str]) -> "KnownEvents":
        """The notices of some of the tickers, in the order given."""
        number = {ticker: row for row, ticker in enumerate(tickers)}
        rows = np.array([number.get(ticker, -1) for ticker in self.tickers], dtype=np.int64)
        row = rows[self.row] if len(self.row) else self.row
        kept = row >= 0
        names = [field.name for field in fields(self) if field.name not in {"tickers", "row"}]
        parts: dict[str, Any] = {name: getattr(self, name)[kept] for name in names}
        return KnownEvents(tuple(tickers), row[kept], **parts)


def no_events(tickers: Sequence[str]) -> KnownEvents:
    """No announcement of any of the tickers is known."""
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    false = np.zeros(0, dtype=bool)
    return KnownEvents(tuple(tickers), none, none, nothing, nothing, none, none, none, false, false, none)


def _until(announcements: Numbers, known: Numbers) -> Numbers:
    """(n,) the session from which the next notice of the same announcement is known."""
    until = np.full(len(known), NEVER)
    order = np.argsort(announcements, kind="stable")
    same = announcements[order][1:] == announcements[order][:-1]
    until[order[:-1][same]] = known[order[1:][same]]
    return until


def _missed(
    row: Numbers,
    announcements: Numbers,
    day: Numbers,
    known: Numbers,
    reported: npt.NDArray[np.bool_],
    projected: npt.NDArray[np.bool_],
) -> Numbers:
    """(n,) by how many sessions the last projection of the same ticker missed its report."""
    expected = np.full(announcements.max(initial=-1) + 1, -1, dtype=np.int64)
    expected[announcements[projected]] = day[projected]
    judged = reported & (expected[announcements] >= 0)
    # A report and the projection of the next one are known from the same session.
    order = np.lexsort((projected, known, row))
    last = np.maximum.accumulate(np.where(judged[order], np.arange(len(order)), -1))
    earlier = order[np.maximum(last, 0)]
    found = np.zeros(len(row), dtype=np.int64)
    own = (last >= 0) & (row[earlier] == row[order])
    found[order[own]] = (day - expected[announcements])[earlier[own]]
    return found
