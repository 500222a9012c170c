"""Nights against a made-up Yahoo: the steps of the flow up to the survey, and what they leave behind."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from stockjax.ingest import Ingested
from stockjax.settings import Settings, load_settings
from stockjax.sources import Source
from stockjax.warehouse import Warehouse
from tests.support.runs import PRICES_ALONE, RunDriver
from tests.support.warehouse_rows import fetch
from tests.support.yahoo_payload import Listing, made_up_listing
from tests.support.yahoo_server import YahooServer

TICKERS = ("AAA", "BBB", "CCC", "DDD")
FIRST, LAST = date(2024, 1, 2), date(2024, 6, 28)
# A Thursday, a Friday and a Monday; the first night finds 90 sessions.
NIGHT_1, NIGHT_2, NIGHT_3 = date(2024, 5, 9), date(2024, 5, 10), date(2024, 5, 13)
STORED = 90

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class State:
    """A row of `tickers`."""

    state: str
    reason: str | None
    last_session: date | None
    exchange: str
    exchange_from: str


@dataclass(frozen=True)
class Spent:
    """What came of a night."""

    ingested: Ingested
    states: Mapping[str, State]
    requests: Counter[str]
    lines: list[str]

    def failures(self) -> dict[str, type[Exception]]:
        return {ticker: type(error) for ticker, error in self.ingested.failures.items()}


def listings() -> dict[str, Listing]:
    """What the vendor knows; the same at every call."""
    return {ticker: made_up_listing(seed, FIRST, LAST) for seed, ticker in enumerate(TICKERS)}


def evening(day: date) -> datetime:
    """After the close in New York."""
    return datetime.combine(day, time(22), UTC)


def settings_for(yahoo: YahooServer, folder: Path, others: Mapping[str, Any]) -> Settings:
    """Settings that wait for nothing for long."""
    vendor = {"base_url": yahoo.base_url, "requests_per_second": 0, "pause": 0.05, "pause_budget": 0.2}
    vendor |= {"timeout": 5, "retries": 2} | others.get("yahoo", {})
    usual = {"source": "yahoo", "warehouse": folder, "tickers": TICKERS, **PRICES_ALONE}
    return load_settings(**{**usual, **others, "yahoo": vendor})


def spend(
    yahoo: YahooServer,
    folder: Path,
    now: datetime | date,
    *,
    source: Callable[[Source], Source] | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> Spent:
    """One night, by default its evening.

    Parameters
    ----------
    source:
        Puts something around the source.

    """
    lines: list[str] = []
    moment = now if isinstance(now, datetime) else evening(now)
    seen = len(yahoo.requests)
    night = RunDriver(settings_for(yahoo, folder, settings), None, lines.append, moment)
    if source:
        night.source = source(night.source)
    night.open()
    try:
        ingested = night.ingest()
        night.resolve_universe(ingested)
    finally:
        night.release()
    requests = Counter(request.ticker for request in yahoo.requests[seen:] if request.ticker)
    return Spent(ingested, states(folder), requests, lines)


def states(folder: Path) -> dict[str, State]:
    found = query(folder, "SELECT ticker, state, reason, last_session, exchange, exchange_from FROM tickers")
    return {row[0]: State(*row[1:]) for row in found}


def query(folder: Path, sql: str, *parameters: Any) -> Rows:
    return fetch(Warehouse(folder, 5), sql, *parameters)


def values(folder: Path, table: str = "prices", ticker: str | None = None) -> Rows:
    """The rows of a table, without which run wrote them and when."""
    names = "'run_id', 'fetched_at', 'replaced_at', 'seen_at', 'updated_at', 'known_from', 'known_until'"
    columns = f"COLUMNS(lambda name: name NOT IN ({names}))"
    return query(
        folder, f"SELECT {columns} FROM {table} WHERE ticker = coalesce($1, ticker) ORDER BY ALL", ticker
    )


values_once = cache(values)
"""The same, of a warehouse that no one writes to."""


def changed(prices: pd.DataFrame, position: int, **to: float) -> pd.DataFrame:
    """Prices of a listing with other numbers in one row."""
    here = prices.index == position
    return prices.assign(**{name: prices[name].mask(here, value) for name, value in to.items()})


def others(rows: Rows, *spoilt: str) -> Rows:
    """The rows that are about none of those tickers."""
    return [row for row in rows if row[0] not in spoilt]


def reasons(folder: Path) -> dict[str, int]:
    """Rows in `price_revisions`, by reason."""
    return dict(query(folder, "SELECT reason, count(*) FROM price_revisions GROUP BY reason"))
