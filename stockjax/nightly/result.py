"""How a night ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

MOST_REASONS = 20
"""Failures that the run's end state tells of; the run's row and `stockjax status` have them all."""


@dataclass(frozen=True)
class Outcome:
    """What came of a night.

    Attributes
    ----------
    tickers
        Those that were asked for.
    targets
        The sessions that were forecast, one for each date on which an exchange trades next.
    caught_up
        Missed sessions whose forecasts were written.
    excused
        How many of them have ended, or have too short a history.
    failures
        Why, for every ticker without a forecast or with one that is not as it should be.
    ingested
        The figures of ingest.
    remark
        Why there was nothing to do, where that is so.
    drift
        The night's alarms of drift.
    rejected
        New models that were worse than those in force, which go on.
    decisions
        For each of tonight's sessions, how many models were trained, promoted, rejected or kept.

    """

    as_of: date
    targets: tuple[date, ...]
    tickers: frozenset[str]
    forecast: int
    caught_up: int
    excused: int
    failures: Mapping[str, str]
    ingested: Mapping[str, object]
    remark: str | None
    report: Path
    drift: tuple[str, ...] = ()
    rejected: int = 0
    decisions: tuple[str, ...] = ()

    def failed(self, share: float) -> bool:
        """Whether nothing came of it, or more than that share of the tickers has no forecast.

        Tickers that have ended or are too short to be forecast are nobody's failure.
        """
        wanted = len(self.tickers) - self.excused
        return self.forecast == 0 or wanted - self.forecast > share * wanted

    @property
    def message(self) -> str:
        """One sentence for the run's end state."""
        targets = " and ".join(str(target) for target in self.targets)
        told = f"{self.forecast} of {len(self.tickers)} tickers forecast for {targets}"
        if self.caught_up:
            told += f"; {self.caught_up} missed session(s) caught up"
        if self.remark:
            told += f"; {self.remark}"
        if self.rejected:
            told += f"; {self.rejected} new model{'s' if self.rejected > 1 else ''} rejected"
        if self.drift:
            told += f"; {len(self.drift)} alarm(s) of drift"
        reasons = [
            # A file's sentence names the file.
            why if f"'{name}'" in why and name not in self.tickers else f"{name}: {why}"
            for name, why in sorted(self.failures.items())
        ]
        if len(reasons) > MOST_REASONS:
            rest = len(reasons) - MOST_REASONS
            reasons = [*reasons[:MOST_REASONS], f"and {rest} more tickers, see stockjax status"]
        return "; ".join([told, *reasons])

    def summary(self) -> dict[str, object]:
        """The same in plain values, for the run's row and for whoever started it."""
        return {
            "as_of": str(self.as_of),
            "asked": len(self.tickers),
            "forecast": self.forecast,
            "caught_up": self.caught_up,
            "failures": dict(self.failures),
            "ingest": dict(self.ingested),
            "rejected": self.rejected,
            "drift": list(self.drift),
            "decisions": list(self.decisions),
            "report": str(self.report),
        }
