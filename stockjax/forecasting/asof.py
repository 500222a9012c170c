"""What is known at the close of a session."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from stockjax.features import NO_CONTEXT, Features, MarketContext, PricePanel, build_features


@dataclass(frozen=True)
class AsOfData:
    """All that is known at the close of a session: nothing else is handed to training.

    Attributes
    ----------
    history
        Prices cut at `as_of`.
    features
        Inputs and labels of the cut history.

    """

    history: PricePanel
    as_of: date
    features: Features

    def only(self, tickers: Sequence[str]) -> "AsOfData":
        """What is known of some of the tickers."""
        rows = self.history.rows_of(tickers)
        return replace(self, history=self.history.only(tickers), features=self.features.only(rows))

    @classmethod
    def at(
        cls,
        history: PricePanel,
        as_of: date,
        extra: Sequence[str] = (),
        context: MarketContext = NO_CONTEXT,
    ) -> "AsOfData":
        """Cut a history at a session, and compute its features."""
        return cls.of(history.cut(as_of), as_of, extra, context)

    @classmethod
    def of(
        cls,
        history: PricePanel,
        as_of: date,
        extra: Sequence[str] = (),
        context: MarketContext = NO_CONTEXT,
    ) -> "AsOfData":
        """Compute the features of a history that ends at a session, extra ones by their names."""
        return cls(history, as_of, build_features(history, extra, context))
