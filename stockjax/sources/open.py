"""From settings to a source."""

from stockjax.settings import Settings
from stockjax.sources.files import FilesSource
from stockjax.sources.protocol import Source
from stockjax.sources.sample import SampleSource


def open_source(settings: Settings) -> Source:
    """The source that the settings name."""
    if settings.source == "yahoo":
        # Importing yfinance takes a second that the other sources need not spend.
        from stockjax.sources.yahoo import YahooSource  # noqa: PLC0415

        return YahooSource(settings.yahoo)
    if settings.source == "files" and settings.path:
        return FilesSource(settings.path)
    return SampleSource()
