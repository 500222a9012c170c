"""The prices of a universe as arrays, one row of them per ticker."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]

PRICE_FIELDS = ("open", "high", "low", "close", "adj_close", "volume")
_NOTHING: Mapping[str, Any] = {"sessions": np.datetime64("NaT", "D"), **dict.fromkeys(PRICE_FIELDS, np.nan)}


@dataclass(frozen=True)
class PricePanel:
    """Prices of N tickers, each packed to the left: column k is its k-th stored session.

    Nothing moves when a session is added at the right, so that whatever is computed from
    left to right is the same for a history cut at a session and for a longer one.

    Attributes
    ----------
    tickers
        N symbols, in the order of the rows.
    sessions
        (N, T) days; NaT to the right of a ticker's last session.
    lengths
        (N,) stored sessions of each ticker.
    open, high, low, close, adj_close
        (N, T) prices in the currency of the exchange; NaN to the right.
    volume
        (N, T) shares; NaN to the right.
    markets
        N exchange codes; empty if all trade on one.

    """

    tickers: tuple[str, ...]
    sessions: Days
    lengths: npt.NDArray[np.int64]
    open: Array
    high: Array
    low: Array
    close: Array
    adj_close: Array
    volume: Array
    markets: tuple[str, ...] = ()

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, npt.NDArray[Any]],
        tickers: Sequence[str],
        markets: Sequence[str] = (),
    ) -> "PricePanel":
        """Pack a long table, ordered by ticker and session, into arrays.

        Parameters
        ----------
        columns
            ticker, session and the price columns, each of shape (rows,).
        tickers
            Rows of the result, in this order; one without prices gets length 0.
        markets
            The exchange code of each of them; empty if they share one.

        """
        row_of = {ticker: row for row, ticker in enumerate(tickers)}
        names, counts = np.unique(columns["ticker"], return_counts=True)
        rows = np.repeat([row_of[name] for name in names], counts).astype(np.int64)
        values = {name: columns[name] for name in PRICE_FIELDS}
        return cls.packed(tickers, markets, rows, columns["session"].astype("datetime64[D]"), values)

    @classmethod
    def packed(
        cls,
        tickers: Sequence[str],
        markets: Sequence[str],
        rows: npt.NDArray[np.int64],
        days: Days,
        values: Mapping[str, npt.NDArray[Any]],
    ) -> "PricePanel":
        """Arrange prices, each (n,), that are ordered by session in one block for each ticker's number."""
        packer = PanelPacker(tickers, markets)
        packer.add(rows, days, values)
        return packer.panel()

    def cut(self, last: date) -> "PricePanel":
        """The same tickers, knowing nothing after the session `last`; itself if nothing is later."""
        known = self.sessions <= np.datetime64(last, "D")
        lengths = known.sum(axis=1)
        width = int(lengths.max(initial=0))
        if known.shape[1] == width and np.array_equal(lengths, self.lengths):
            return self
        kept = known[:, :width]
        fields: dict[str, Any] = {
            name: np.where(kept, getattr(self, name)[:, :width], np.nan) for name in PRICE_FIELDS
        }
        sessions = np.where(kept, self.sessions[:, :width], np.datetime64("NaT", "D"))
        return replace(self, sessions=sessions, lengths=lengths, **fields)

    def lengths_at(self, last: date) -> npt.NDArray[np.int64]:
        """(N,) sessions of each ticker up to and including `last`."""
        found: npt.NDArray[np.int64] = (self.sessions <= np.datetime64(last, "D")).sum(axis=1)
        return found

    def only(self, tickers: Sequence[str]) -> "PricePanel":
        """The history of some of the tickers, in their order here; itself if they are all of them."""
        rows = self.rows_of(tickers)
        if len(rows) == len(self.tickers):
            return self
        names = tuple(self.tickers[row] for row in rows)
        markets = tuple(self.markets[row] for row in rows) if self.markets else ()
        return replace(self, tickers=names, markets=markets, **self._fields_of(rows))

    def part(self, rows: slice) -> "PricePanel":
        """The history of tickers that follow each other, without a copy of it."""
        return replace(self, tickers=self.tickers[rows], markets=self.markets[rows], **self._fields_of(rows))

    def _fields_of(self, rows: Any) -> dict[str, Any]:
        return {name: getattr(self, name)[rows] for name in ("sessions", "lengths", *PRICE_FIELDS)}

    def rows_of(self, tickers: Sequence[str]) -> list[int]:
        """The rows of some of the tickers, in the order of the panel."""
        wanted = set(tickers)
        return [row for row, ticker in enumerate(self.tickers) if ticker in wanted]

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(N, T) where there is a session."""
        width: int = self.sessions.shape[1]
        return np.arange(width) < self.lengths[:, None]

    def position(self, session: date) -> npt.NDArray[np.int64]:
        """(N,) column of `session` in each row; -1 where the ticker did not trade on it."""
        if not self.sessions.shape[1]:
            return np.full(len(self.tickers), -1)
        here = self.sessions == np.datetime64(session, "D")
        return np.where(here.any(axis=1), here.argmax(axis=1), -1)

    def last_sessions(self) -> dict[str, date]:
        """The newest session of every ticker that has one."""
        rows = np.flatnonzero(self.lengths)
        return {self.tickers[row]: self.sessions[row, self.lengths[row] - 1].item() for row in rows}

    def fingerprints(self, row: int, positions: Sequence[int]) -> list[str]:
        """SHA-256 (16 hex digits) of a ticker's prices up to each position (ascending)."""
        table = np.column_stack(
            [self.sessions[row].astype("datetime64[D]").astype(np.int64).astype(np.float64)]
            + [getattr(self, name)[row] for name in PRICE_FIELDS]
        )
        digest = hashlib.sha256(self.tickers[row].encode())
        prints, done = [], 0
        for position in positions:
            digest.update(np.ascontiguousarray(table[done : position + 1]).tobytes())
            done = position + 1
            prints.append(digest.hexdigest()[:16])
        return prints

    def fingerprint(self) -> str:
        """SHA-256 (16 hex digits) of all the prices."""
        digest = hashlib.sha256()
        for row in range(len(self.tickers)):
            digest.update("".join(self.fingerprints(row, [int(self.lengths[row]) - 1])).encode())
        return digest.hexdigest()[:16]


class PanelPacker:
    """Packs prices that come in parts; no array is made twice unless a part has the longest history so far.

    Parameters
    ----------
    tickers, markets
        Those of the panel.
    start
        A panel of the same tickers to begin with, some of which have no prices yet.

    """

    def __init__(
        self, tickers: Sequence[str], markets: Sequence[str] = (), start: PricePanel | None = None
    ) -> None:
        self._tickers, self._markets = tuple(tickers), tuple(markets)
        shape = (len(self._tickers), 0)
        self._lengths = start.lengths.copy() if start else np.zeros(shape[0], dtype=np.int64)
        self._fields: dict[str, npt.NDArray[Any]] = {
            name: getattr(start, name).copy() if start else np.full(shape, nothing)
            for name, nothing in _NOTHING.items()
        }

    def add(self, rows: npt.NDArray[np.int64], days: Days, values: Mapping[str, npt.NDArray[Any]]) -> None:
        """Add prices, each (n,), that are ordered by session in one block for each ticker's number."""
        lengths = np.bincount(rows, minlength=len(self._tickers)).astype(np.int64)
        self._lengths += lengths
        missing = int(lengths.max(initial=0)) - self._fields["sessions"].shape[1]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        columns = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
        for name, nothing in _NOTHING.items():
            field = self._fields[name]
            if missing > 0:
                field = np.pad(field, ((0, 0), (0, missing)), constant_values=nothing)
            field[rows, columns] = days if name == "sessions" else values[name]
            self._fields[name] = field

    def panel(self) -> PricePanel:
        """The prices of all parts."""
        return PricePanel(self._tickers, lengths=self._lengths, markets=self._markets, **self._fields)
