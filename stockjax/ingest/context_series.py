"""Fetching series that are not forecast: the index of implied volatility of each market."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pandas as pd

from stockjax.errors import SourceError, StockjaxError
from stockjax.forecasting.plan import Plan
from stockjax.sessions import Exchange, exchange
from stockjax.settings import Settings
from stockjax.sources import Request, Source
from stockjax.sources.sample import sample_context
from stockjax.warehouse import Warehouse
from stockjax.warehouse.event_tables import newest_context, store_context

_OVERLAP = 12
_LARGEST, _SMALLEST = 1000.0, 0.1
"""Percent a year beyond which a close is no volatility."""


def ingest_context(
    settings: Settings, warehouse: Warehouse, plan: Plan, source: Source, log: Callable[[str], None]
) -> dict[str, str]:
    """Store the missing closes of the indices of the markets that the run forecasts on.

    Returns
    -------
    By index, why its news is missing; a run goes on without.

    """
    warnings = {}
    markets = {exchange(code): series for code, series in settings.context.implied_volatility.items()}
    for market, series in markets.items():
        if market != plan.default and market.code not in settings.exchanges.values():
            continue
        try:
            closes = _missing_closes(plan, source, market, series, warehouse)
        except StockjaxError as error:
            # A folder of prices rarely has the index, which is no news.
            if plan.recorded is None:
                warnings[series] = str(error)
            continue
        if len(closes):
            moment = datetime.now(UTC)
            store_context(warehouse, closes, run_id=plan.run_id, moment=moment)
            log(f"{len(closes)} closes of {series} stored")
    return warnings


def _missing_closes(
    plan: Plan, source: Source, market: Exchange, series: str, warehouse: Warehouse
) -> pd.DataFrame:
    """Closes up to tonight that are not stored: columns series, session, close, known_from and source.

    Raises
    ------
    SourceError
        The source has none.

    """
    as_of = plan.market(market).as_of
    stored = newest_context(warehouse, [series], _OVERLAP)
    if len(stored) and stored["session"].max() >= pd.Timestamp(as_of):
        return stored.iloc[:0]
    rows = (
        sample_context(series) if plan.source == "sample" else _fetched(source, market, series, plan, stored)
    )
    close = pd.to_numeric(rows["close"], errors="coerce")
    sound = close.between(_SMALLEST, _LARGEST) & (rows["session"] <= pd.Timestamp(as_of))
    sound &= ~rows["session"].isin(stored["session"])
    kept = rows[sound].drop_duplicates("session").sort_values("session")
    return pd.DataFrame(
        {
            "series": series,
            "session": kept["session"].astype("datetime64[s]"),
            "close": close[kept.index],
            "known_from": pd.Timestamp(as_of).as_unit("s"),
            "source": plan.source,
        }
    )


def _fetched(source: Source, market: Exchange, series: str, plan: Plan, stored: pd.DataFrame) -> pd.DataFrame:
    columns = {"open": "close", "high": "close", "low": "close", "adj_close": "close"}
    known = None
    if len(stored):
        known = stored.assign(**{name: stored[of] for name, of in columns.items()})
        known = known.assign(volume=0.0, dividend=0.0, split=1.0).drop(columns="series")
    requested = [Request(series, market, known)]
    parts: Mapping[str, SourceError] = {}
    tables = []
    for delivery in source.fetch(requested, plan.market(market).as_of):
        tables.append(delivery.prices)
        parts = {**parts, **delivery.failures}
    if series in parts:
        raise parts[series]
    table = pd.concat(tables, ignore_index=True)
    return table[table["ticker"] == series]
