"""Five real US tickers, 2000-03-01 to 2013-03-01, shipped with the package."""

from importlib.resources import as_file, files

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
        with as_file(files("stockjax.sources") / "data" / "us5_2000_2013.csv.gz") as path:
            return Delivery(read_price_file(path))
