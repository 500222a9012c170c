"""The tickers of a run: their prices and states, and the sessions that they are forecast from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np

from stockjax.engine.due_sessions import DueSession, SessionReader, due_sessions
from stockjax.errors import UsageError
from stockjax.features import NO_CONTEXT, MarketContext, PointInTimePrices, PricePanel
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.forecasting.missing_forecasts import missing_sessions
from stockjax.forecasting.plan import ExchangeSession, Plan
from stockjax.forecasting.ticker_states import TickerState, ticker_states
from stockjax.ingest import Ingested
from stockjax.ingest.listings import Listing
from stockjax.ingest.stored_context import context_rules, read_market_context
from stockjax.sessions import Exchange, exchange
from stockjax.settings import Settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import complete_forecasts, first_live_sessions
from stockjax.warehouse.prices import read_known_prices, successors


@dataclass(frozen=True)
class Universe:
    """The tickers of a night.

    Attributes
    ----------
    prices
        Every version of the prices of all tickers that were fetched, up to tonight.
    read_at
        When they were read, aware.
    forecast_sessions
        History that a forecast needs.
    listings, markets
        By ticker: its exchange, and tonight on it.
    states
        One for each ticker of the plan.
    chosen
        Tickers of the plan whose exchanges are forecast by this run.
    already_forecast
        By ticker, the sessions that all models have live or caught-up forecasts from.
    due_tonight
        By session, the tickers whose forecasts for tonight are not all in the ledger yet.
    due_catch_up
        By session before tonight, the tickers whose forecasts are missing.
    extra_features
        Names of features of other packages.
    context, context_rules
        Announcements and indices of implied volatility, and the settings by which they were read.

    """

    prices: PointInTimePrices
    read_at: datetime
    forecast_sessions: int
    listings: Mapping[str, Listing]
    markets: Mapping[str, ExchangeSession]
    states: list[TickerState]
    chosen: frozenset[str]
    already_forecast: Mapping[str, set[date]]
    due_tonight: Mapping[date, list[str]]
    due_catch_up: Mapping[date, list[str]]
    extra_features: tuple[str, ...] = ()
    context: MarketContext = NO_CONTEXT
    context_rules: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exchanges(self) -> dict[str, Exchange]:
        """The exchange of every ticker."""
        return {ticker: listing.exchange for ticker, listing in self.listings.items()}

    @property
    def due(self) -> list[str]:
        """Tickers whose forecasts for tonight are not all in the ledger yet."""
        return [ticker for tickers in self.due_tonight.values() for ticker in tickers]

    @property
    def forecast_tonight(self) -> bool:
        """Whether an earlier run has forecast a ticker from tonight's session."""
        return any(self.markets[ticker].as_of in days for ticker, days in self.already_forecast.items())

    @property
    def history(self) -> PricePanel:
        """The prices that hold now."""
        return self.prices.latest

    @cached_property
    def reader(self) -> SessionReader:
        """What was known at each session."""
        newest = {ticker: market.as_of for ticker, market in self.markets.items()}
        return SessionReader(
            self.prices,
            self.exchanges,
            newest,
            self.forecast_sessions,
            self.extra_features,
            self.context,
        )

    def due_sessions(self) -> list[DueSession]:
        """The sessions to forecast tonight, those that were missed before tonight's, in their order."""
        wanted: dict[date, list[str]] = {}
        for found in (self.due_catch_up, self.due_tonight):
            for session, tickers in found.items():
                wanted.setdefault(session, []).extend(tickers)
        return due_sessions(self.prices, wanted)

    def is_tonight(self, due: DueSession) -> bool:
        """Whether a session is tonight's of one of its tickers."""
        return not set(self.due_tonight.get(due.session, ())).isdisjoint(due.tickers)

    def forecast_by_any_run(self, warehouse: Warehouse, first: date) -> dict[str, set[date]]:
        """By ticker, the sessions from `first` on that a night or a backtest has forecast from."""
        last = max(market.as_of for market in self.markets.values())
        return complete_forecasts(warehouse, self.prices.tickers, first, last, len(MODELS))


def resolve_universe(warehouse: Warehouse, plan: Plan, ingested: Ingested, settings: Settings) -> Universe:
    """Read the stored prices, and decide which tickers are forecast from which sessions.

    Raises
    ------
    UsageError
        No ticker trades on the exchanges that the settings restrict the run to.

    """
    listed = ingested.listings
    of_exchange = {
        exchange: plan.market(exchange) for exchange in {each.exchange for each in listed.values()}
    }
    markets = {ticker: of_exchange[listing.exchange] for ticker, listing in listed.items()}
    as_of = {ticker: market.as_of for ticker, market in markets.items()}
    exchanges = {ticker: market.exchange for ticker, market in markets.items()}
    # Without a calendar no session of a ticker can be placed: its history is left alone.
    usable = [ticker for ticker in plan.fetched if not listed[ticker].fault]
    parts, read_at = read_known_prices(warehouse, usable, max(as_of.values()))
    codes = [listed[ticker].exchange.code for ticker in plan.fetched]
    prices = PointInTimePrices.from_parts(parts, plan.fetched, codes)
    states = ticker_states(
        prices.latest.only(plan.tickers), as_of, exchanges, ingested.failures, settings.history
    )
    chosen = tickers_on(plan.tickers, exchanges, settings.forecast_exchanges)
    first = min(_first_caught_up(market, settings.catch_up.sessions) for market in markets.values())
    # Backtest rows do not count: a live forecast of that session is still due.
    complete = complete_forecasts(
        warehouse, plan.tickers, first, max(as_of.values()), len(MODELS), ("nightly", "catchup")
    )
    due_tonight: dict[date, list[str]] = {}
    for state in states:
        session = as_of[state.ticker]
        if state.ticker in chosen and state.can_forecast and session not in complete.get(state.ticker, set()):
            due_tonight.setdefault(session, []).append(state.ticker)
    missing = missing_sessions(
        prices.ever.only(plan.tickers),
        complete,
        as_of,
        settings.catch_up.sessions,
        settings.history.forecast_sessions,
        first_live_sessions(warehouse, plan.tickers),
    )
    recent = {
        ticker: {day for day in missing[ticker] if day >= first} for ticker in missing if ticker in chosen
    }
    rules = context_rules(settings)
    universe = Universe(
        prices=prices,
        read_at=read_at,
        forecast_sessions=settings.history.forecast_sessions,
        listings=listed,
        markets=markets,
        states=_with_successors(warehouse, states),
        chosen=chosen,
        already_forecast=complete,
        due_tonight=due_tonight,
        due_catch_up={},
        extra_features=settings.training.extra_features,
        context=read_market_context(warehouse, plan.fetched, exchanges, rules, max(as_of.values())),
        context_rules=rules,
    )
    return replace(universe, due_catch_up=_usable(universe, _by_session(recent)))


def tickers_on(
    tickers: Sequence[str], exchanges: Mapping[str, Exchange], codes: Sequence[str]
) -> frozenset[str]:
    """The tickers whose exchanges are forecast; all of them if none is named.

    Raises
    ------
    UsageError
        No ticker trades on any of the exchanges named.

    """
    wanted = {exchange(code) for code in codes}
    found = frozenset(ticker for ticker in tickers if not wanted or exchanges[ticker] in wanted)
    if not found:
        there = sorted({exchanges[ticker].code for ticker in tickers})
        raise UsageError(
            f"no ticker trades on {', '.join(codes)} (forecast_exchanges); they trade on {', '.join(there)}: "
            "name some of these, or none for all of them"
        )
    return found


def _first_caught_up(market: ExchangeSession, count: int) -> date:
    """The session so many before tonight's: nothing older is caught up."""
    every = market.exchange.every_session
    place = int(every.searchsorted(np.datetime64(market.as_of, "D")))
    found: date = every[max(place - count, 0)].item()
    return found


def _usable(universe: Universe, due_catch_up: Mapping[date, list[str]]) -> dict[date, list[str]]:
    """The missed sessions of tickers that could be forecast from them."""
    found: dict[date, list[str]] = {}
    for due in due_sessions(universe.prices, due_catch_up):
        there = universe.reader.usable(due.session, due.known)[1].tickers
        usable = [ticker for ticker in due.tickers if ticker in there]
        if usable:
            found.setdefault(due.session, []).extend(usable)
    return found


def _with_successors(warehouse: Warehouse, states: list[TickerState]) -> list[TickerState]:
    """Tell of renamed tickers what they are called now."""
    ended = [state.ticker for state in states if state.state in {"stale", "delisted"}]
    renamed = successors(warehouse, ended) if ended else {}
    return [
        replace(state, reason=f"{state.reason}; its history goes on as '{renamed[state.ticker]}'")
        if state.ticker in renamed
        else state
        for state in states
    ]


def _by_session(missing: Mapping[str, set[date]]) -> dict[date, list[str]]:
    sessions = sorted(set().union(*missing.values())) if missing else []
    return {day: [ticker for ticker, days in missing.items() if day in days] for day in sessions}
