"""The search space: the training settings that matter, around the current ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from stockjax.settings import TrainingSettings

RATES = {
    "learning_rate": (1e-3, 1e-2),
    "weight_decay": (0.03, 3.0),
    "ticker_learning_rate": (3e-5, 3e-3),
}
"""Searched on a logarithmic scale."""

SIZES = {"hidden": (8, 16, 32), "ticker_steps": (8, 20, 40), "own_steps": (20, 60, 120)}
"""A few values each: every other width or number of steps is a program to compile."""

_OF_MODE = {
    "full": ("learning_rate", "weight_decay", "hidden", "ticker_learning_rate", "ticker_steps"),
    "adapter": ("learning_rate", "weight_decay", "hidden"),
    "own": ("learning_rate", "weight_decay", "hidden", "own_steps"),
}
_DIGITS = 3


@dataclass(frozen=True)
class Space:
    """The settings that a search may change; the others stay.

    Early stopping finds the steps of the base, more seeds are never worse, and more base steps
    than early stopping takes change nothing: none of these is searched.
    """

    current: TrainingSettings

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """By setting, the values it may take; the active ones are always among them.

        A rate of 0 has no logarithm, and stays 0.
        """
        return {
            name: self._rate(name) if name in RATES else self._size(name)
            for name in _OF_MODE[self.current.mode]
            if getattr(self.current, name)
        }

    @property
    def start(self) -> dict[str, float]:
        """The current values."""
        return {name: getattr(self.current, name) for name in self.distributions}

    def training(self, values: Mapping[str, float]) -> TrainingSettings:
        """The settings with other values, to three digits: people will copy them."""
        rounded = {
            name: value
            if name in SIZES or value == getattr(self.current, name)
            else float(f"{value:.{_DIGITS}g}")
            for name, value in values.items()
        }
        return TrainingSettings.model_validate({**self.current.model_dump(), **rounded})

    def changes(self, values: Mapping[str, float]) -> str:
        """The differences from the current settings, as text."""
        training = self.training(values)
        changed = [
            f"{name.replace('_', ' ')} {getattr(training, name):g}"
            for name in self.distributions
            if getattr(training, name) != getattr(self.current, name)
        ]
        return ", ".join(changed) or "the current settings"

    def _rate(self, name: str) -> FloatDistribution:
        low, high = RATES[name]
        now = getattr(self.current, name)
        return FloatDistribution(min(low, now), max(high, now), log=True)

    def _size(self, name: str) -> CategoricalDistribution:
        return CategoricalDistribution(sorted({*SIZES[name], getattr(self.current, name)}))
