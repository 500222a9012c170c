"""What is known tonight, who can be forecast, and which sessions wait for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

import numpy as np

from stockjax.engine.due_sessions import DueSession, SessionReader, due_sessions
from stockjax.errors import UsageError
from stockjax.features import History, KnownPrices
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.forecasting.missing_forecasts import missing_sessions
from stockjax.forecasting.plan import Market, Plan
from stockjax.forecasting.ticker_states import TickerState, ticker_states
from stockjax.ingest import Ingested
from stockjax.ingest.listings import Listing
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
        One per ticker that was asked for.
    complete
        By ticker, the sessions that all models have forecast from on a night.
    tonight
        By session, the tickers whose forecasts for tonight are not all in the ledger yet.
    missed
        By session before tonight, the tickers that a night should have forecast and did not.

    """

    prices: KnownPrices
    read_at: datetime
    forecast_sessions: int
    listings: Mapping[str, Listing]
    markets: Mapping[str, Market]
    states: list[TickerState]
    complete: Mapping[str, set[date]]
    tonight: Mapping[date, list[str]]
    missed: Mapping[date, list[str]]

    @property
    def exchanges(self) -> dict[str, Exchange]:
        """The exchange of every ticker."""
        return {ticker: listing.exchange for ticker, listing in self.listings.items()}

    @property
    def due(self) -> list[str]:
        """Tickers whose forecasts for tonight are not all in the ledger yet."""
        return [ticker for tickers in self.tonight.values() for ticker in tickers]

    @property
    def history(self) -> History:
        """The prices that hold now."""
        return self.prices.latest

    @cached_property
    def reader(self) -> SessionReader:
        """What was known at each session."""
        newest = {ticker: market.as_of for ticker, market in self.markets.items()}
        return SessionReader(self.prices, self.exchanges, newest, self.forecast_sessions)

    def due_sessions(self) -> list[DueSession]:
        """The sessions to forecast tonight, those that were missed before tonight's, in their order."""
        wanted: dict[date, list[str]] = {}
        for found in (self.missed, self.tonight):
            for session, tickers in found.items():
                wanted.setdefault(session, []).extend(tickers)
        return due_sessions(self.prices, wanted)

    def is_tonight(self, due: DueSession) -> bool:
        """Whether a session is tonight's of one of its tickers."""
        return not set(self.tonight.get(due.session, ())).isdisjoint(due.tickers)

    def forecast_by_anyone(self, warehouse: Warehouse, first: date) -> dict[str, set[date]]:
        """By ticker, the sessions from `first` on that a night or a backtest has forecast from."""
        last = max(market.as_of for market in self.markets.values())
        return complete_forecasts(warehouse, self.prices.tickers, first, last, len(MODELS))


def survey(warehouse: Warehouse, plan: Plan, ingested: Ingested, settings: Settings) -> Universe:
    """Look at what the warehouse has after ingest."""
    listed = ingested.listings
    markets = {ticker: plan.market(listing.exchange) for ticker, listing in listed.items()}
    as_of = {ticker: market.as_of for ticker, market in markets.items()}
    last = max(as_of.values())
    columns, read_at = read_known_prices(warehouse, plan.fetched, last)
    codes = [listed[ticker].exchange.code for ticker in plan.fetched]
    prices = KnownPrices.from_columns(columns, plan.fetched, codes)
    history = prices.latest
    forecast = history.only(plan.tickers)
    exchanges = {ticker: market.exchange for ticker, market in markets.items()}
    states = _with_successors(
        warehouse, ticker_states(forecast, as_of, exchanges, ingested.failures, settings.history)
    )
    # A session of a backtest is no night's: whoever asks for that night gets it.
    first = min(_first_caught_up(market, settings.catch_up.sessions) for market in markets.values())
    complete = complete_forecasts(warehouse, plan.tickers, first, last, len(MODELS), ("nightly", "catchup"))
    tonight: dict[date, list[str]] = {}
    chosen = tickers_on(plan.tickers, exchanges, settings.forecast_exchanges)
    for state in states:
        if state.ticker not in chosen:
            continue
        if state.can_forecast and as_of[state.ticker] not in complete.get(state.ticker, set()):
            tonight.setdefault(as_of[state.ticker], []).append(state.ticker)
    missing = missing_sessions(
        prices.ever.only(plan.tickers),
        complete,
        as_of,
        settings.catch_up.sessions,
        settings.history.forecast_sessions,
        first_live_sessions(warehouse, plan.tickers),
    )
    young = {
        ticker: {day for day in days if day >= first} for ticker, days in missing.items() if ticker in chosen
    }
    universe = Universe(
        prices, read_at, settings.history.forecast_sessions, listed, markets, states, complete, tonight, {}
    )
    return replace(universe, missed=_usable(universe, _by_session(young)))


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


def _first_caught_up(market: Market, count: int) -> date:
    """The session so many before tonight's: nothing older is caught up."""
    every = market.exchange.every_session
    place = int(every.searchsorted(np.datetime64(market.as_of, "D")))
    found: date = every[max(place - count, 0)].item()
    return found


def _usable(universe: Universe, missed: Mapping[date, list[str]]) -> dict[date, list[str]]:
    """The missed sessions of tickers that could be forecast from them."""
    found: dict[date, list[str]] = {}
    for due in due_sessions(universe.prices, missed):
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
