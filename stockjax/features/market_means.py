"""Means over the tickers of the same exchange on the same day."""

import numpy as np

from stockjax.features.price_panel import Array, PricePanel


class MarketMeans:
    """Collects columns of parts of a universe; then gives their means by exchange and day.

    Of the same exchange only: the others' session of that date may close after this one's.

    Parameters
    ----------
    history
        The whole universe.
    count
        How many columns are averaged.
    largest
        Values are clipped here before they are averaged.

    """

    def __init__(self, history: PricePanel, count: int, largest: float) -> None:
        markets = dict.fromkeys(history.markets or ("",))
        self._number = {market: number for number, market in enumerate(markets)}
        days = history.sessions[history.valid].astype(np.int64)
        self._first = int(days.min()) if len(days) else 0
        span = int(days.max(initial=self._first)) - self._first + 1
        self._largest = largest
        self._totals = np.zeros((count, span * len(markets)))
        self._counts = np.zeros((count, span * len(markets)))

    def add(self, part: PricePanel, columns: list[Array]) -> None:
        """Count the columns, (n, T) each, of n tickers; NaN is left out."""
        valid = part.valid
        codes = self._codes(part)[valid]
        for total, count, column in zip(self._totals, self._counts, columns, strict=True):
            values = np.clip(column[valid], -self._largest, self._largest)
            seen = ~np.isnan(values)
            # In the order of the tickers, so that the sums do not depend on how they are parted.
            np.add.at(total, codes[seen], values[seen])
            np.add.at(count, codes[seen], 1.0)

    def of(self, part: PricePanel) -> list[Array]:
        """The means at each session of some tickers, (n, T) each; NaN to the right."""
        codes = self._codes(part)
        means = self._totals / np.maximum(self._counts, 1)
        return [np.where(part.valid, mean[codes], np.nan) for mean in means]

    def _codes(self, part: PricePanel) -> np.ndarray:
        """(n, T) the place of exchange and day in the sums; any one to the right."""
        markets = part.markets or ("",) * len(part.tickers)
        number = np.array([self._number[market] for market in markets], dtype=np.int64)
        since = np.where(part.valid, part.sessions.astype(np.int64) - self._first, 0)
        found: np.ndarray = since * len(self._number) + number[:, None]
        return found
