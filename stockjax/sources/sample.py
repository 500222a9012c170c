"""Five real US tickers, 2000-03-01 to 2013-03-01, shipped with the package."""

from collections.abc import Iterable
from datetime import date
from functools import cached_property
from importlib.resources import as_file, files

import pandas as pd

from stockjax.sources.base import Delivery, select
from stockjax.sources.files import read_price_file


class SampleSource:
    """Replays recorded history; its "now" is the close of its last session.

    The data are in the public domain; `data/NOTICE.md` tells where they come from.
    """

    name = "sample"

    @cached_property
    def _prices(self) -> pd.DataFrame:
        with as_file(files("stockjax.sources") / "data" / "us5_2000_2013.csv.gz") as path:
            return read_price_file(path)

    def universe(self) -> tuple[str, ...]:
        """AAPL, FB, GOOG, IBM and MSFT."""
        return tuple(sorted(self._prices["ticker"].unique()))

    def last_session(self) -> date | None:
        """2013-03-01."""
        day: date = self._prices["session"].max().date()
        return day

    def fetch(self, tickers: Iterable[str], last: date) -> Delivery:
        """The recorded history up to and including `last`."""
        return select(self._prices, tickers, last, "the sample")
