"""What one session leaves for the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from stockjax.engine.drift_monitors import Monitors
from stockjax.engine.drift_states import UNIVERSE
from stockjax.registry import Model

BASE = ""
CHALLENGER = "challenger"
"""The keys of the base, and of the base of a search, where others are tickers."""


@dataclass(frozen=True)
class State:
    """The models in use and what has been decided of others; empty before the first session.

    Attributes
    ----------
    base
        None where there is none.
    tickers
        By ticker, its champion.
    unusable
        By ticker (or BASE, CHALLENGER), why a model cannot be used, as a file that is damaged.
    base_rejected
        Session of the last base that was trained and rejected, unless a search made it.
    challenger
        A base that a search has found and that was not compared with the champion yet.
    last_trained
        By ticker (BASE for the base), the last session of any training, accepted or rejected.
    monitors
        The monitors of drift.

    """

    base: Model | None = None
    tickers: Mapping[str, Model] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    base_rejected: date | None = None
    challenger: Model | None = None
    last_trained: Mapping[str, date] = field(default_factory=dict)
    monitors: Monitors = field(default_factory=Monitors)

    @property
    def base_drifted(self) -> bool:
        """Whether the universe was in alarm, and no base has been trained since."""
        return self._unanswered(BASE, self.monitors.alarms.get(UNIVERSE))

    def ticker_drifted(self, ticker: str) -> bool:
        """Whether a ticker or the universe was in alarm, and the ticker has not been trained since."""
        raised = [day for name in (ticker, UNIVERSE) if (day := self.monitors.alarms.get(name))]
        return self._unanswered(ticker, max(raised, default=None))

    def _unanswered(self, name: str, raised: date | None) -> bool:
        return raised is not None and self.last_trained.get(name, date.min) < raised
