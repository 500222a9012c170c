"""Sources of scheduled announcements, each behind one protocol."""

from stockjax.sources.events.event_protocol import EventDelivery, EventRequest, EventSource
from stockjax.sources.events.event_sources import open_event_sources

__all__ = ["EventDelivery", "EventRequest", "EventSource", "open_event_sources"]
