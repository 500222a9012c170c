"""What every price source promises."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import pandas as pd

from stockjax.errors import SourceError
from stockjax.sessions import Exchange

PRICE_COLUMNS = (
    "ticker",
    "session",
    "open",
    "high",
    "low",
    "close",
    "adj_close",
    "volume",
    "dividend",
    "split",
)
"""Columns of a price row; prices in the exchange's currency, volume in shares."""

DELIVERED_COLUMNS = (*PRICE_COLUMNS, "raw")
"""Columns of a delivery; `raw` is JSON text of the vendor's row where the others do not tell all."""


@dataclass(frozen=True)
class Request:
    """What is asked of a source about one ticker.

    Attributes
    ----------
    exchange
        Where it is believed to trade.
    known
        The newest rows that are stored, columns `PRICE_COLUMNS` without the ticker, oldest
        first: the source may deliver only what follows the first of them, if it finds that
        none of them has changed. None: nothing is stored, deliver the whole history.

    """

    ticker: str
    exchange: Exchange
    known: pd.DataFrame | None = None


@dataclass(frozen=True)
class Delivery:
    """Prices as the vendor gave them, unchecked, and what could not be had.

    Attributes
    ----------
    prices
        One row per ticker and date, columns `DELIVERED_COLUMNS`; `session` is a
        `datetime64[s]` date without a time.
    failures
        For each ticker (or file) that could not be delivered, why.
    full_history
        Tickers delivered with all the history that the vendor has.
    exchanges
        Calendar codes of the tickers whose exchange the vendor tells.
    zones
        Time zones of the tickers that the vendor tells, where no calendar is known.
    remarks
        What was guessed, left out or not read, one sentence each.

    """

    prices: pd.DataFrame
    failures: Mapping[str, SourceError] = field(default_factory=dict)
    full_history: frozenset[str] = frozenset()
    exchanges: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


class Source(Protocol):
    """A place that prices are fetched from."""

    name: str

    def universe(self) -> tuple[str, ...]:
        """The tickers it offers when none are named."""
        ...

    def last_session(self) -> date | None:
        """For recorded data the last date in it, which is its "now"; None if it is live."""
        ...

    def fetch(self, requests: Iterable[Request], last: date) -> Iterator[Delivery]:
        """The history up to and including `last`, in parts as they arrive.

        Every ticker is in one part, with prices or with a failure, which stops no other.
        """
        ...


def no_prices() -> pd.DataFrame:
    """A delivery's table without a row."""
    texts = {name: pd.Series(dtype=str) for name in ("ticker", "raw")}
    days = {"session": pd.Series(dtype="datetime64[s]")}
    numbers = {name: pd.Series(dtype=float) for name in PRICE_COLUMNS[2:]}
    return pd.DataFrame(texts | days | numbers, columns=list(DELIVERED_COLUMNS))
