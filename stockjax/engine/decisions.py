"""What a session decided, and how its log says it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stockjax.engine.drift_monitors import MonitorUpdate
from stockjax.registry import Model
from stockjax.wording import first_of

MAX_NAMED = 10
"""Tickers that a line of the log names; the tables have all of them."""


@dataclass(frozen=True)
class Decisions:
    """What a session decided, for its log and for the tables.

    Attributes
    ----------
    challenger
        The base of a search with the result of its comparison; None without one.
    trained, promoted, rejected
        Tickers whose models were trained; those that are used from now on; those that are not.
    kept
        How many tickers are forecast by a model of an earlier session.
    fallbacks
        By ticker, what forecasts instead of its own model: base or har.
    problems
        By ticker ('base' for the base), what was wrong.
    lines
        Sentences for the log, in the order of what happened.
    drift
        What the monitors have observed.

    """

    challenger: Model | None = None
    trained: tuple[str, ...] = ()
    promoted: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    kept: int = 0
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    drift: MonitorUpdate = field(default_factory=MonitorUpdate)

    def summary(self, seconds: float | None = None) -> str:
        """One line: how many were trained, promoted, rejected, kept or fell back, and the first names."""
        counts = [
            f"{len(self.trained)} trained",
            f"{len(self.promoted)} promoted",
            f"{len(self.rejected)} rejected{_names_text(self.rejected)}",
            f"{self.kept} kept",
            f"{len(self.fallbacks)} by base or har{_names_text(self.fallbacks)}",
        ]
        took = "" if seconds is None else f" in {seconds:.1f} s"
        return f"models{took}: {', '.join(counts)}"


@dataclass
class StepLog:
    """Collects the sentences for the log, and by ticker the problems, of one step."""

    lines: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    def problem(self, name: str, sentence: str) -> None:
        """Record a problem of a ticker, or of the base, and log it."""
        self.problems[name] = sentence
        self.lines.append(sentence if name == "base" else f"{name}: {sentence}")


def base_message(base: Model) -> str:
    """The sentence of the log about a newly trained base."""
    steps = base.hyperparameters["stopped_at"]
    if steps:
        return f"base trained for {steps} steps, loss {losses_text(base)}"
    return "base left untrained: the random walk with EWMA volatility"


def log_rejected(fresh: Iterable[Model], log: StepLog) -> None:
    """Log the new models that failed the promotion gate, the first ones by name."""
    rejected = [f"{model.ticker} ({losses_text(model)})" for model in fresh if model.status == "rejected"]
    if rejected:
        named = first_of(rejected, MAX_NAMED)
        log.lines.append(f"{len(rejected)} new models rejected, their champions stay: {named}")


def losses_text(model: Model) -> str:
    """The loss of a model on the gate holdout, and that of the champion."""
    loss = f"{model.validation_loss:.4f}"
    return loss if model.champion_loss is None else f"{loss} against {model.champion_loss:.4f}"


def _names_text(names: Iterable[str]) -> str:
    listed = list(names)
    if not listed:
        return ""
    return f" ({first_of(listed, MAX_NAMED)})"
