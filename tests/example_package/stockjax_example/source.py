"""Prices from a JSON file with one list of bars per ticker."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pandas as pd

from stockjax.errors import UnknownTickerError
from stockjax.settings import Settings
from stockjax.sources import DELIVERED_COLUMNS, Delivery, Request, no_prices


class JsonSource:
    """A recorded source: its "now" is the close of its last session."""

    name = "example"

    def __init__(self, path: Path) -> None:
        self._bars: dict[str, list[dict[str, float]]] = json.loads(path.read_text(encoding="utf-8"))

    def universe(self) -> tuple[str, ...]:
        """All tickers of the file."""
        return tuple(sorted(self._bars))

    def last_session(self) -> date | None:
        """The last date of the file."""
        return max(date.fromisoformat(str(bar["date"])) for bars in self._bars.values() for bar in bars)

    def fetch(self, requests: Iterable[Request], last: date) -> Iterator[Delivery]:
        """One part per ticker; an unknown ticker is a failure and does not stop the others."""
        for request in requests:
            if request.ticker not in self._bars:
                yield Delivery(
                    no_prices(), {request.ticker: UnknownTickerError("the file has no such ticker")}
                )
                continue
            table = self._table(request.ticker, self._bars[request.ticker])
            known = table[table["session"] <= pd.Timestamp(last)].reset_index(drop=True)
            yield Delivery(known, full_history=frozenset({request.ticker}))

    def _table(self, ticker: str, bars: list[dict[str, float]]) -> pd.DataFrame:
        columns = ["date", "open", "high", "low", "close", "volume"]
        table = pd.DataFrame(bars, columns=columns).assign(ticker=ticker, dividend=0.0, split=1.0, raw=None)
        table["session"] = pd.to_datetime(table["date"]).astype("datetime64[s]")
        table["adj_close"] = table["close"]
        return table.astype({"raw": "str", "ticker": "str"})[list(DELIVERED_COLUMNS)]


def open_source(settings: Settings) -> JsonSource:
    """What the entry point names; `path` is the setting of stockjax."""
    if settings.path is None:
        raise ValueError("the source 'example' needs the setting 'path'")
    return JsonSource(settings.path)
