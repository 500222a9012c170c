"""What is known next to the prices: announcements, and the implied volatility of markets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stockjax.features.implied_volatility import ImpliedVolatility
from stockjax.features.known_events import KnownEvents, no_events


@dataclass(frozen=True, eq=False)
class MarketContext:
    """Announcements and indices; nothing of it reaches a session before it was known.

    Attributes
    ----------
    events
        Notices of announcements.
    implied
        The index of implied volatility of each market, by the code of its calendar.
    most_tickers
        Tickers of a market from which on its index is not used.

    """

    events: KnownEvents = field(default_factory=lambda: no_events(()))
    implied: Mapping[str, ImpliedVolatility] = field(default_factory=dict)
    most_tickers: int = 30


NO_CONTEXT = MarketContext()
