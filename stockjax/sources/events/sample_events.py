"""The announcements of the sample: dates of filings with the SEC, without a time of day."""

from collections.abc import Iterable, Iterator
from importlib.resources import as_file, files

from stockjax.sources.events.event_file import EventFile
from stockjax.sources.events.event_protocol import EventDelivery, EventRequest


class SampleEvents:
    """AAPL, FB, IBM and MSFT; GOOG has none. Where they come from is in `data/NOTICE.md`."""

    name = "sample"
    asks_by_ticker = False
    looks_ahead = True

    def fetch(self, requests: Iterable[EventRequest]) -> Iterator[EventDelivery]:
        """Read the packaged file; dates after the end of the sample's prices are in it too."""
        with as_file(files("stockjax.sources") / "data" / "us5_announcements.csv") as path:
            yield from EventFile(path, self.name).fetch(requests)
