"""What every source of announcements promises."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from stockjax.errors import SourceError
from stockjax.events import Announcement
from stockjax.sessions import Exchange


@dataclass(frozen=True)
class EventRequest:
    """What is asked of a source about one ticker.

    Attributes
    ----------
    exchange
        Where it trades: in its time zone days are counted.
    known_through
        The session through which an earlier run has asked; None: all of the past is wanted.
    content
        Fingerprint of what the source had then: of an unchanged file only the rows since are wanted.

    """

    ticker: str
    exchange: Exchange
    known_through: date | None = None
    content: str = ""


@dataclass(frozen=True)
class EventDelivery:
    """Announcements as a source has them, and what could not be had.

    Attributes
    ----------
    answered
        The tickers that the source has answered, those without an announcement among them.
    failures
        For each ticker that could not be asked, why.
    refused
        A sentence on what could not be read and was left out; empty if nothing was.
    remarks
        What was guessed or is not used, one sentence each.
    content
        Fingerprint of all that the source has, where it is a file.

    """

    announcements: tuple[Announcement, ...]
    answered: frozenset[str]
    failures: Mapping[str, SourceError] = field(default_factory=dict)
    refused: str = ""
    remarks: tuple[str, ...] = ()
    content: str = ""


class EventSource(Protocol):
    """A place that announcements are fetched from."""

    name: str
    asks_by_ticker: bool
    """Whether each ticker costs requests, so that it is asked only when news is due."""
    looks_ahead: bool
    """Whether it knows of announcements to come."""

    def fetch(self, requests: Iterable[EventRequest]) -> Iterator[EventDelivery]:
        """The announcements of some tickers, in parts as they arrive; a ticker that fails stops no other."""
        ...
