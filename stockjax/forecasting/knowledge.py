"""What is known at the close of a session."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from stockjax.features import Features, History, build_features


@dataclass(frozen=True)
class Knowledge:
    """All that is known at the close of a session: nothing else is handed to training.

    Attributes
    ----------
    history
        Prices cut at `as_of`.

    """

    history: History
    as_of: date

    @classmethod
    def at(cls, history: History, as_of: date) -> "Knowledge":
        """Cut a history at a session."""
        return cls(history.cut(as_of), as_of)

    @cached_property
    def features(self) -> Features:
        """Inputs and labels of the cut history."""
        return build_features(self.history)
