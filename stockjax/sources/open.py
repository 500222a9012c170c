"""From settings to a source."""

from stockjax.settings import Settings
from stockjax.sources.base import Source
from stockjax.sources.files import FilesSource
from stockjax.sources.sample import SampleSource


def open_source(settings: Settings) -> Source:
    """The source that the settings name."""
    if settings.source == "files" and settings.path:
        return FilesSource(settings.path)
    return SampleSource()
