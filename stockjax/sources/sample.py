"""Five real US tickers, 2000-03-01 to 2013-03-01, shipped with the package."""

from functools import cache
from importlib.resources import as_file, files

import pandas as pd

from stockjax.errors import UnknownTickerError
from stockjax.sources.files import read_price_file
from stockjax.sources.protocol import Delivery
from stockjax.sources.recorded import RecordedSource


class SampleSource(RecordedSource):
    """AAPL, FB, GOOG, IBM and MSFT; its "now" is the close of 2013-03-01.

    The data are in the public domain; `data/NOTICE.md` tells where they come from.
    """

    name = "sample"
    where = "the sample"

    def load(self) -> Delivery:
        """Read the packaged file."""
        return Delivery(_prices().copy(deep=False))


# A run plans twice: before there is a flow, and in it.
@cache
def _prices() -> pd.DataFrame:
    with as_file(files("stockjax.sources") / "data" / "us5_2000_2013.csv.gz") as path:
        return read_price_file(path)


def sample_context(series: str) -> pd.DataFrame:
    """Closes of the one index that comes with the sample, ^VIX: columns session and close.

    Raises
    ------
    UnknownTickerError
        It is another one.

    """
    if series != "^VIX":
        raise UnknownTickerError(f"the sample has no '{series}'; it has ^VIX")
    return _volatility_index().copy(deep=False)


@cache
def _volatility_index() -> pd.DataFrame:
    with as_file(files("stockjax.sources") / "data" / "vix_1990_2013.csv.gz") as path:
        table = pd.read_csv(path, usecols=["date", "close"], parse_dates=["date"])
    return table.rename(columns={"date": "session"}).astype({"session": "datetime64[s]"})
