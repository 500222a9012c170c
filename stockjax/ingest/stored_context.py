"""Reading announcements and indices of implied volatility as they were known."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from stockjax.features import ImpliedVolatility, KnownEvents, MarketContext
from stockjax.sessions import Exchange, exchange
from stockjax.settings import Settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.event_tables import read_context, read_events


def context_rules(settings: Settings) -> dict[str, Any]:
    """The settings that say what is known next to prices, as plain values that are stored with forecasts.

    Example
    -------
    >>> from stockjax.settings import load_settings
    >>> context_rules(load_settings())
    {'history': 'assumed', 'implied_volatility': {'XNYS': '^VIX'}, 'most_tickers': 30}

    """
    context = settings.context
    return {
        "history": settings.events.history,
        "implied_volatility": {
            exchange(code).code: name for code, name in context.implied_volatility.items()
        },
        "most_tickers": context.most_tickers,
    }


def read_market_context(
    warehouse: Warehouse,
    tickers: Iterable[str],
    exchanges: Mapping[str, Exchange],
    rules: Mapping[str, Any],
    last: date,
    read_at: datetime | None = None,
) -> MarketContext:
    """What is stored of announcements and indices, up to a session.

    Parameters
    ----------
    exchanges
        By ticker, its calendar.
    rules
        Of `context_rules`.
    read_at
        What was written later is left out; None: nothing is.

    """
    names = list(tickers)
    notices = read_events(warehouse, names, last, read_at)
    markets: Mapping[str, str] = rules["implied_volatility"]
    closes = read_context(warehouse, set(markets.values()), last, read_at)
    return MarketContext(
        KnownEvents.from_notices(notices, names, exchanges, rules["history"]),
        {
            code: ImpliedVolatility.from_closes(closes[closes["series"] == series], Exchange(code))
            for code, series in markets.items()
            if (closes["series"] == series).any()
        },
        rules["most_tickers"],
    )
