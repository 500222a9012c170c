"""What is known at the close of a session."""

from dataclasses import dataclass
from datetime import date

from stockjax.features import Features, History, build_features


@dataclass(frozen=True)
class Knowledge:
    """All that is known at the close of a session: nothing else is handed to training.

    Attributes
    ----------
    history
        Prices cut at `as_of`.
    features
        Inputs and labels of the cut history.

    """

    history: History
    as_of: date
    features: Features

    @classmethod
    def at(cls, history: History, as_of: date) -> "Knowledge":
        """Cut a history at a session, and compute its features."""
        return cls.of(history.cut(as_of), as_of)

    @classmethod
    def of(cls, history: History, as_of: date) -> "Knowledge":
        """Compute the features of a history that ends at a session."""
        return cls(history, as_of, build_features(history))
