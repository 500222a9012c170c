"""Prices as they were known at any session: every version of a price, and from when to when it held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.features.price_panel import Days, PricePanel

_FIELDS = ("open", "high", "low", "close", "adj_close", "volume")


@dataclass(frozen=True, eq=False)
class PointInTimePrices:
    """Versions of prices, n in all, in the order of ticker, session and time.

    A ticker that was first fetched after a session is taken at that session as it was first fetched: what a
    vendor restated later does not reach it.

    Attributes
    ----------
    tickers, markets
        N symbols and their exchange codes.
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

    tickers: tuple[str, ...]
    markets: tuple[str, ...]
    row: npt.NDArray[np.int64]
    session: Days
    values: Mapping[str, npt.NDArray[np.float64]]
    known_from: Days
    known_until: Days
    disproved_at_once: npt.NDArray[np.bool_]

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, npt.NDArray[Any]], tickers: Sequence[str], markets: Sequence[str] = ()
    ) -> "PointInTimePrices":
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
        if not _ascends(row, session):
            # NaT sorts last: of two versions from one session, the one that still holds comes second.
            order = np.lexsort((known_until, known_from, session, row))
        return cls(
            tuple(tickers),
            tuple(markets),
            row[order],
            session[order],
            {name: np.asarray(columns[name], dtype=np.float64)[order] for name in _FIELDS},
            known_from[order],
            known_until[order],
            np.asarray(columns["disproved_at_once"], dtype=bool)[order],
        )

    def at(self, session: date, known: date | None = None) -> PricePanel:
        """The prices up to a session, as a run at session `known` knew them; by default at the same one.

        Returns
        -------
        All tickers, those without prices by then with a length of 0.

        """
        through = np.datetime64(session, "D")
        if self.is_static:
            return self._whole.cut(session)
        moment = np.maximum(np.datetime64(known or session, "D"), self._first_known)[self.row]
        held = np.isnat(self.known_until) | np.where(
            self.disproved_at_once, self.known_until > through, self.known_until > moment
        )
        return self._history((self.session <= through) & (self.known_from <= moment) & held)

    def known_at(self, ticker: str, session: date) -> date:
        """The session of the run that first had a ticker's price of a session; that session if in time."""
        return self._late.get((ticker, session), session)

    @cached_property
    def latest(self) -> PricePanel:
        """The prices that hold now, all of them."""
        return self._whole if self.is_static else self._history(np.isnat(self.known_until))

    @cached_property
    def is_static(self) -> bool:
        """Whether no price was ever restated or came late, so that what was known is a part of what is."""
        return bool(np.isnat(self.known_until).all()) and not self._late

    @cached_property
    def ever(self) -> PricePanel:
        """The first version of every price, those among them that no longer hold."""
        return self._whole if self.is_static else self._history(self._first)

    @cached_property
    def _whole(self) -> PricePanel:
        return self._history(np.ones(len(self.row), dtype=bool))

    @cached_property
    def _first_known(self) -> Days:
        """(N,) session of the first run that stored any price of a ticker."""
        first = np.full(len(self.tickers), np.datetime64("9999-12-31", "D"))
        np.minimum.at(first, self.row, self.known_from)
        return first

    @cached_property
    def _first(self) -> npt.NDArray[np.bool_]:
        """(n,) which versions are the first of their price."""
        first = np.ones(len(self.row), dtype=bool)
        first[1:] = (self.row[1:] != self.row[:-1]) | (self.session[1:] != self.session[:-1])
        return first

    @cached_property
    def _late(self) -> dict[tuple[str, date], date]:
        """Prices that came later than on their day, of tickers that had been fetched by then."""
        late = self._first & (self.known_from > np.maximum(self.session, self._first_known[self.row]))
        found = zip(self.row[late], self.session[late].tolist(), self.known_from[late].tolist(), strict=True)
        return {(self.tickers[row], day): known for row, day, known in found}

    def _history(self, chosen: npt.NDArray[np.bool_]) -> PricePanel:
        """The last of the chosen versions of each price."""
        place = np.flatnonzero(chosen)
        last = np.ones(len(place), dtype=bool)
        row, session = self.row[place], self.session[place]
        last[:-1] = (row[1:] != row[:-1]) | (session[1:] != session[:-1])
        kept = place[last]
        return PricePanel.packed(
            self.tickers,
            self.markets,
            self.row[kept],
            self.session[kept],
            {name: values[kept] for name, values in self.values.items()},
        )


def _ascends(row: npt.NDArray[np.int64], session: Days) -> bool:
    """Whether there is one version of each price, in the order of tickers and sessions."""
    next_ticker = row[1:] > row[:-1]
    next_session = (row[1:] == row[:-1]) & (session[1:] > session[:-1])
    return bool((next_ticker | next_session).all())
