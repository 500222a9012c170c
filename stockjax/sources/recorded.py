"""What sources of recorded prices share: their "now" is the end of the data."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import cached_property

import pandas as pd
import pyarrow

from stockjax.errors import InvalidDataError, SourceError, UnknownTickerError
from stockjax.sources.protocol import Delivery, Request


class RecordedSource(ABC):
    """A table of prices that no longer changes, read when it is first needed."""

    @abstractmethod
    def load(self) -> Delivery:
        """All its prices, and what could not be read."""

    @property
    @abstractmethod
    def where(self) -> str:
        """What a message calls it."""

    @cached_property
    def _all(self) -> Delivery:
        return self.load()

    def release(self) -> None:
        """Free the memory of the table; it is read again if it is needed again."""
        self.__dict__.pop("_all", None)
        # Arrow keeps for itself what it has freed: half a gigabyte for 1,500 tickers of 18 years.
        pyarrow.default_memory_pool().release_unused()

    def universe(self) -> tuple[str, ...]:
        """Every ticker in it."""
        return tuple(sorted(self._all.prices["ticker"].dropna().unique()))

    def last_session(self) -> date | None:
        """The last date in it that is not in the future.

        Raises
        ------
        InvalidDataError
            No row has such a date.

        """
        sessions = self._all.prices["session"]
        past = sessions[sessions <= today()]
        if past.empty:
            raise InvalidDataError(f"no row of {self.where} has a date of the past; correct its dates")
        day: date = past.max().date()
        return day

    def fetch(self, requests: Iterable[Request], last: date) -> Iterator[Delivery]:
        """The recorded history up to and including `last`, in one part.

        Rows that no calendar can place (without a date or a ticker, or dated after today) are
        delivered too, so that the checks report them.
        """
        wanted = list(dict.fromkeys(request.ticker for request in requests))
        prices = self._all.prices
        session, ticker = prices["session"], prices["ticker"]
        known = (session <= pd.Timestamp(last)) | session.isna() | (session > today())
        chosen = prices[(ticker.isin(wanted) | ticker.isna()) & known]
        delivered = set(chosen["ticker"].dropna().unique())
        missing: dict[str, SourceError] = {
            name: UnknownTickerError(f"{self.where} has no prices of '{name}' up to {last}; check the symbol")
            for name in wanted
            if name not in delivered and name not in self._all.failures
        }
        failures = {**self._all.failures, **missing}
        yield Delivery(chosen.reset_index(drop=True), failures, remarks=self._all.remarks)


def today() -> pd.Timestamp:
    """The day it is, in UTC: what is dated later is an error."""
    return pd.Timestamp(datetime.now(UTC).date())
