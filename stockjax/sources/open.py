"""From settings to a source."""

import json
from importlib.metadata import entry_points
from pathlib import Path

from stockjax.errors import SettingsError
from stockjax.sessions import exchange
from stockjax.settings import BUILT_IN_SOURCES, SOURCE_GROUP, Settings
from stockjax.sources.files import FilesSource, Reading
from stockjax.sources.files.delivery_cache import DeliveryCache
from stockjax.sources.protocol import Source
from stockjax.sources.sample import SampleSource


def open_source(settings: Settings) -> Source:
    """The source that the settings name.

    Raises
    ------
    SettingsError
        The package that offers the source fails to load it.

    Example
    -------
    >>> from stockjax.settings import load_settings
    >>> open_source(load_settings(source="sample")).universe()
    ('AAPL', 'FB', 'GOOG', 'IBM', 'MSFT')

    """
    if settings.source not in BUILT_IN_SOURCES:
        return _of_package(settings)
    if settings.source == "yahoo":
        # yfinance takes a second to import, which the other sources do not need.
        from stockjax.sources.yahoo import YahooSource  # noqa: PLC0415

        return YahooSource(settings.yahoo)
    if settings.source == "files" and settings.path:
        return files_source(settings, settings.path)
    return SampleSource()


def files_source(settings: Settings, path: Path) -> FilesSource:
    """The files of a path; what was read of the same files before is in the cache.

    Raises
    ------
    UsageError
        The settings name an exchange that does not exist.

    """
    return FilesSource(path, reading(settings), DeliveryCache(settings.cache / "prices"))


def reading(settings: Settings) -> Reading:
    """What is known of files before they are read: their exchanges, and what becomes of intraday bars.

    Raises
    ------
    UsageError
        The settings name an exchange that does not exist.

    """
    default = exchange(settings.exchange)
    own = {ticker: exchange(code) for ticker, code in settings.exchanges.items()}
    text = json.dumps([settings.exchange, settings.exchanges, settings.files.intraday], sort_keys=True)
    return Reading(lambda ticker: own.get(ticker, default), settings.files.intraday, text)


def _of_package(settings: Settings) -> Source:
    """The source of another package: its entry point is called with the settings."""
    try:
        source: Source = entry_points(group=SOURCE_GROUP)[settings.source].load()(settings)
    except Exception as error:
        raise SettingsError(
            f"the source '{settings.source}' cannot be opened ({type(error).__name__}: {error}); "
            "correct its package, or set another source"
        ) from error
    return source
