"""What sources of recorded prices share: their "now" is the end of the data."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import date
from functools import cached_property

import pandas as pd

from stockjax.errors import NotFound, SourceError
from stockjax.sources.base import Delivery


class RecordedSource(ABC):
    """A table of prices that no longer changes, read when it is first needed."""

    @abstractmethod
    def load(self) -> pd.DataFrame:
        """All its prices, columns `PRICE_COLUMNS`."""

    @property
    @abstractmethod
    def where(self) -> str:
        """What a message calls it."""

    @cached_property
    def _prices(self) -> pd.DataFrame:
        return self.load()

    def universe(self) -> tuple[str, ...]:
        """Every ticker in it."""
        return tuple(sorted(self._prices["ticker"].unique()))

    def last_session(self) -> date | None:
        """The last date in it."""
        day: date = self._prices["session"].max().date()
        return day

    def fetch(self, tickers: Iterable[str], last: date) -> Delivery:
        """The recorded history up to and including `last`; rows without a date are delivered too."""
        wanted = list(dict.fromkeys(tickers))
        session = self._prices["session"]
        known = (session <= pd.Timestamp(last)) | session.isna()
        chosen = self._prices[self._prices["ticker"].isin(wanted) & known]
        delivered = set(chosen["ticker"].unique())
        failures: dict[str, SourceError] = {
            ticker: NotFound(f"{self.where} has no prices of '{ticker}' up to {last}; check the symbol")
            for ticker in wanted
            if ticker not in delivered
        }
        return Delivery(chosen.reset_index(drop=True), failures)
