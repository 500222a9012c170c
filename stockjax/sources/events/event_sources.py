"""From settings to the sources of announcements."""

from stockjax.errors import UsageError
from stockjax.settings import Settings
from stockjax.sources.events.event_file import EventFile
from stockjax.sources.events.event_protocol import EventSource
from stockjax.sources.events.sample_events import SampleEvents

NO_CONTACT = (
    "announcements are not asked for at the SEC, which wants to know who asks: set events.contact to an "
    "e-mail address"
)


def event_source_names(settings: Settings) -> tuple[str, ...]:
    """The sources that are asked, in the order in which they are believed.

    Without `events.sources` they are those of the source of prices: `sample` for the sample, `yahoo` and,
    with a contact, `sec` for Yahoo; and `files` wherever a path is given.

    Example
    -------
    >>> from stockjax.settings import load_settings
    >>> event_source_names(load_settings(source="sample"))
    ('sample',)

    """
    events = settings.events
    if events.sources is not None:
        return events.sources
    by_prices = {
        "sample": ("sample",),
        "yahoo": ("sec", "yahoo") if events.contact else ("yahoo",),
    }
    if events.path:
        # A file of the user's own takes the place of the sample's.
        return ("files", *(name for name in by_prices.get(settings.source, ()) if name != "sample"))
    return by_prices.get(settings.source, ())


def open_event_sources(settings: Settings) -> tuple[list[EventSource], list[str]]:
    """The sources of announcements that the settings name, and why one of them is not used.

    Raises
    ------
    UsageError
        The source 'files' is named, and no path.

    """
    found: list[EventSource] = []
    remarks: list[str] = []
    for name in event_source_names(settings):
        if name == "sec" and not settings.events.contact:
            remarks.append(NO_CONTACT)
        else:
            found.append(_opened(name, settings))
    return found, remarks


def _opened(name: str, settings: Settings) -> EventSource:
    if name == "sample":
        return SampleEvents()
    if name == "files":
        if settings.events.path is None:
            raise UsageError("events.sources has 'files', which needs events.path (--events)")
        return EventFile(settings.events.path)
    if name == "sec":
        # httpx takes a tenth of a second to import, which the other sources do not need.
        from stockjax.sources.events.sec import SecFilings  # noqa: PLC0415

        return SecFilings(settings.events)
    from stockjax.sources.yahoo.earnings import YahooEarnings  # noqa: PLC0415

    return YahooEarnings(settings.yahoo)
