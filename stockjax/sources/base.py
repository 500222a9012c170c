"""What every price source promises."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import pandas as pd

from stockjax.errors import SourceError

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
"""Columns of every delivered frame; prices in the exchange's currency, volume in shares."""


@dataclass(frozen=True)
class Delivery:
    """Prices as the vendor gave them, unchecked, and what could not be had.

    Attributes
    ----------
    prices
        One row per ticker and date, columns `PRICE_COLUMNS`; `session` is a
        `datetime64[s]` date without a time.
    failures
        For each ticker that was asked for and not delivered, why.

    """

    prices: pd.DataFrame
    failures: dict[str, SourceError] = field(default_factory=dict)


class Source(Protocol):
    """A place that prices are fetched from."""

    name: str

    def universe(self) -> tuple[str, ...]:
        """The tickers it offers when none are named."""
        ...

    def last_session(self) -> date | None:
        """For recorded data the last date in it, which is its "now"; None if it is live."""
        ...

    def fetch(self, tickers: Iterable[str], last: date) -> Delivery:
        """The history of `tickers` up to and including `last`; a failed ticker stops no other."""
        ...
