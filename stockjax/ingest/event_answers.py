"""What sources of announcements have answered in one run."""

from collections import defaultdict
from dataclasses import dataclass, field

from stockjax.events import Announcement
from stockjax.sources.events import EventDelivery
from stockjax.wording import first_of

_MOST_FAILURES = 3


@dataclass
class EventAnswers:
    """What the sources of a run have said.

    Attributes
    ----------
    announcements
        By ticker.
    checks
        The tickers that were answered, each with its source.
    failures
        By source and ticker (empty for the source as a whole), why it has not answered.
    asked
        Tickers that were asked of each source that costs requests.
    content
        By source, the fingerprint of its file.

    """

    announcements: dict[str, list[Announcement]] = field(default_factory=lambda: defaultdict(list))
    checks: list[tuple[str, str]] = field(default_factory=list)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    content: dict[str, str] = field(default_factory=dict)

    def add(self, source: str, delivery: EventDelivery) -> None:
        """Take note of one part of what a source has answered."""
        for said in delivery.announcements:
            self.announcements[said.ticker].append(said)
        self.checks += [(ticker, source) for ticker in sorted(delivery.answered)]
        self.content[source] = delivery.content
        if delivery.refused:
            self.failures.setdefault(source, {})[""] = delivery.refused
        for ticker, error in delivery.failures.items():
            self.failures.setdefault(source, {})[ticker] = str(error)

    def warnings(self) -> dict[str, str]:
        """One sentence for each source that has not answered for all tickers, or not legibly."""
        found = {}
        for source, failures in self.failures.items():
            by_reason: dict[str, list[str]] = defaultdict(list)
            for ticker, why in failures.items():
                by_reason[why].append(ticker)
            parts = []
            for why, tickers in list(by_reason.items())[:_MOST_FAILURES]:
                named = first_of(tickers, _MOST_FAILURES)
                parts.append(f"{why} ({named})" if named else why)
            found[f"announcements from {source}"] = "; ".join(parts)
        return found
