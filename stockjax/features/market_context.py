"""What is known next to the prices: announcements, and the implied volatility of markets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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

    def of_markets(self, markets: Sequence[str]) -> "MarketContext":
        """Without the indices of markets with `most_tickers` and more: the market's own mean says as much.

        Parameters
        ----------
        markets
            The market of each ticker of the universe.

        """
        count = Counter(markets)
        used = {code: index for code, index in self.implied.items() if count[code] < self.most_tickers}
        return replace(self, implied=used)


NO_CONTEXT = MarketContext()
