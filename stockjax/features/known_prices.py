"""Prices as they were known at any session: every version of a price, and from when to when it held."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.features.price_panel import PRICE_FIELDS, Days, PanelPacker, PricePanel


@dataclass(frozen=True, eq=False)
class PriceVersions:
    """Versions of prices, n in all, in the order of session and time in one block for each ticker.

    Attributes
    ----------
    row, session
        (n,) number of the ticker, and the day of the price.
    values
        (n,) by name: open, high, low, close, adj_close, volume.
    known_from
        (n,) session of the run that stored the version.
    known_until
        (n,) session from which it no longer held; NaT while it does.
    disproved_at_once
        (n,) whether the delivery that brought a bar also showed by the next bar that it was wrong:
        until that next session it was the price that everybody had.

    """

    row: npt.NDArray[np.int64]
    session: Days
    values: Mapping[str, npt.NDArray[np.float64]]
    known_from: Days
    known_until: Days
    disproved_at_once: npt.NDArray[np.bool_]

    @classmethod
    def from_columns(cls, columns: Mapping[str, npt.NDArray[Any]], tickers: Sequence[str]) -> "PriceVersions":
        """Arrange a long table with the columns of the fields; `known_from` NaT: known on its own day."""
        row_of = {ticker: row for row, ticker in enumerate(tickers)}
        place, names = pd.factorize(np.asarray(columns["ticker"], dtype=object))
        numbers = np.array([row_of[str(name)] for name in names], dtype=np.int64)
        row = numbers[place] if len(names) else np.zeros(0, dtype=np.int64)
        session = columns["session"].astype("datetime64[D]")
        start = columns["known_from"].astype("datetime64[D]")
        known_from = np.where(np.isnat(start), session, start)
        known_until = columns["known_until"].astype("datetime64[D]")
        order: Any = slice(None)
        if not _ascends(place, session):
            # NaT sorts last: of two versions from one session, the one that still holds comes second.
            order = np.lexsort((known_until, known_from, session, row))
        return cls(
            row[order],
            session[order],
            {name: np.asarray(columns[name], dtype=np.float64)[order] for name in PRICE_FIELDS},
            known_from[order],
            known_until[order],
            np.asarray(columns["disproved_at_once"], dtype=bool)[order],
        )

    def of(self, chosen: npt.NDArray[np.bool_]) -> "PriceVersions":
        """Those that are chosen, (n,)."""
        return PriceVersions(
            self.row[chosen],
            self.session[chosen],
            {name: values[chosen] for name, values in self.values.items()},
            self.known_from[chosen],
            self.known_until[chosen],
            self.disproved_at_once[chosen],
        )

    @classmethod
    def joined(cls, parts: Sequence["PriceVersions"]) -> "PriceVersions":
        """Parts of different tickers as one."""
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.session for part in parts]),
            {name: np.concatenate([part.values[name] for part in parts]) for name in PRICE_FIELDS},
            np.concatenate([part.known_from for part in parts]),
            np.concatenate([part.known_until for part in parts]),
            np.concatenate([part.disproved_at_once for part in parts]),
        )

    def first_known(self, count: int) -> Days:
        """(count,) session of the first run that stored any price of each ticker."""
        first = np.full(count, np.datetime64("9999-12-31", "D"))
        starts = np.flatnonzero(np.diff(self.row, prepend=-1))
        if len(starts):
            first[self.row[starts]] = np.minimum.reduceat(self.known_from, starts)
        return first

    @cached_property
    def first(self) -> npt.NDArray[np.bool_]:
        """(n,) which versions are the first of their price."""
        first = np.ones(len(self.row), dtype=bool)
        first[1:] = (self.row[1:] != self.row[:-1]) | (self.session[1:] != self.session[:-1])
        return first

    def late(self, first_known: Days) -> npt.NDArray[np.bool_]:
        """(n,) which prices came later than on their day, of tickers that had been fetched by then."""
        found: npt.NDArray[np.bool_] = self.first & (
            self.known_from > np.maximum(self.session, first_known[self.row])
        )
        return found


@dataclass(frozen=True, eq=False)
class PointInTimePrices:
    """The prices of N tickers, as they were known at any session.

    A ticker that was first fetched after a session is taken at that session as it was first fetched: what a
    vendor restated later does not reach it.

    Attributes
    ----------
    tickers, markets
        N symbols and their exchange codes.
    unchanged
        Prices of tickers none of which was ever restated or came late; the others have none here. What was
        known of them at a session is the part up to it.
    changed
        Every version of the prices of those others.

    """

    tickers: tuple[str, ...]
    markets: tuple[str, ...]
    unchanged: PricePanel
    changed: PriceVersions

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, npt.NDArray[Any]], tickers: Sequence[str], markets: Sequence[str] = ()
    ) -> "PointInTimePrices":
        """Arrange a long table: ticker, and the columns of `PriceVersions` with `known_from` NaT: at once."""
        return cls.from_parts([columns], tickers, markets)

    @classmethod
    def from_parts(
        cls,
        parts: Iterable[Mapping[str, npt.NDArray[Any]]],
        tickers: Sequence[str],
        markets: Sequence[str] = (),
    ) -> "PointInTimePrices":
        """Arrange long tables, each of some of the tickers, one after the other."""
        packer, changed = PanelPacker(tickers, markets), [_NO_VERSIONS]
        for columns in parts:
            versions = PriceVersions.from_columns(columns, tickers)
            was_changed = _changed_tickers(versions, len(tickers))[versions.row]
            changed.append(versions.of(was_changed))
            kept = versions.of(~was_changed) if was_changed.any() else versions
            packer.add(kept.row, kept.session, kept.values)
        return cls(tuple(tickers), tuple(markets), packer.panel(), PriceVersions.joined(changed))

    def at(self, session: date, known: date | None = None) -> PricePanel:
        """The prices up to a session, as a run at session `known` knew them; by default at the same one.

        Returns
        -------
        All tickers, those without prices by then with a length of 0.

        """
        panel = self.unchanged.cut(session)
        if self.is_static:
            return panel
        versions, through = self.changed, np.datetime64(session, "D")
        moment = np.maximum(np.datetime64(known or session, "D"), self._first_known)[versions.row]
        held = np.isnat(versions.known_until) | np.where(
            versions.disproved_at_once, versions.known_until > through, versions.known_until > moment
        )
        seen = (versions.session <= through) & (versions.known_from <= moment)
        return self._with_versions(panel, seen & held)

    def known_at(self, ticker: str, session: date) -> date:
        """The session of the run that first had a ticker's price of a session; that session if in time."""
        return self._late.get((ticker, session), session)

    @cached_property
    def latest(self) -> PricePanel:
        """The prices that hold now, all of them."""
        return self._with_versions(self.unchanged, np.isnat(self.changed.known_until))

    @cached_property
    def is_static(self) -> bool:
        """Whether no price was ever restated or came late, so that what was known is a part of what is."""
        return not len(self.changed.row)

    @cached_property
    def ever(self) -> PricePanel:
        """The first version of every price, those among them that no longer hold."""
        return self._with_versions(self.unchanged, self.changed.first)

    @cached_property
    def _first_known(self) -> Days:
        return self.changed.first_known(len(self.tickers))

    @cached_property
    def _late(self) -> dict[tuple[str, date], date]:
        late = self.changed.of(self.changed.late(self._first_known))
        found = zip(late.row.tolist(), late.session.tolist(), late.known_from.tolist(), strict=True)
        return {(self.tickers[row], day): known for row, day, known in found}

    def _with_versions(self, panel: PricePanel, chosen: npt.NDArray[np.bool_]) -> PricePanel:
        """A panel together with the last of the chosen versions of each price."""
        if self.is_static:
            return panel
        versions = self.changed.of(chosen)
        last = np.ones(len(versions.row), dtype=bool)
        last[:-1] = (versions.row[1:] != versions.row[:-1]) | (versions.session[1:] != versions.session[:-1])
        newest = versions.of(last)
        packer = PanelPacker(self.tickers, self.markets, panel)
        packer.add(newest.row, newest.session, newest.values)
        return packer.panel()


def _changed_tickers(versions: PriceVersions, count: int) -> npt.NDArray[np.bool_]:
    """(count,) tickers of which a price no longer holds, came late, or has several versions."""
    changes = ~np.isnat(versions.known_until) | ~versions.first | versions.late(versions.first_known(count))
    found = np.zeros(count, dtype=bool)
    found[versions.row[changes]] = True
    return found


def _ascends(place: npt.NDArray[np.int64], session: Days) -> bool:
    """Whether there is one version of each price, in the order of tickers and sessions."""
    next_ticker = place[1:] > place[:-1]
    next_session = (place[1:] == place[:-1]) & (session[1:] > session[:-1])
    return bool((next_ticker | next_session).all())


_NO_VERSIONS = PriceVersions(
    row=np.zeros(0, dtype=np.int64),
    session=np.zeros(0, dtype="datetime64[D]"),
    values={name: np.zeros(0) for name in PRICE_FIELDS},
    known_from=np.zeros(0, dtype="datetime64[D]"),
    known_until=np.zeros(0, dtype="datetime64[D]"),
    disproved_at_once=np.zeros(0, dtype=bool),
)
