"""What is known tonight, who can be forecast, and which sessions wait for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from stockjax.features import History
from stockjax.forecasting.knowledge import Knowledge
from stockjax.forecasting.plan import Market, Plan
from stockjax.forecasting.replay import missing_sessions
from stockjax.forecasting.rows import MODELS
from stockjax.forecasting.universe import TickerState, ticker_states
from stockjax.ingest import Ingested
from stockjax.ingest.listings import Listing
from stockjax.sessions import Exchange
from stockjax.settings import Settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import complete_forecasts, first_live_sessions
from stockjax.warehouse.prices import read_history, successors


@dataclass(frozen=True)
class Universe:
    """The tickers of a night.

    Attributes
    ----------
    history
        Prices of all tickers that were fetched, cut at tonight.
    read_at
        When they were read, aware.
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

    history: History
    read_at: datetime
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

    def forecast_by_anyone(self, warehouse: Warehouse) -> dict[str, set[date]]:
        """By ticker, the sessions that have been forecast from on a night or in a replay."""
        valid = self.history.sessions[self.history.valid]
        return complete_forecasts(
            warehouse, self.history.tickers, valid.min().item(), valid.max().item(), len(MODELS)
        )

    def known_at(self, session: date, forecast_sessions: int) -> Knowledge:
        """The prices at the close of a session, of the tickers that could be forecast from it.

        These are the tickers with history enough whose last price was as new as a price of
        their exchange could be.
        """
        history = self.history.cut(session)
        newest = history.last_sessions()
        usable = [
            ticker
            for ticker, length in zip(history.tickers, history.lengths, strict=True)
            if length >= forecast_sessions and newest[ticker] == self._last_completed(ticker, session)
        ]
        return Knowledge(history.only(usable), session)

    def _last_completed(self, ticker: str, session: date) -> date:
        market = self.markets[ticker]
        return market.exchange.last_session_on_or_before(min(session, market.as_of))


def survey(warehouse: Warehouse, plan: Plan, ingested: Ingested, settings: Settings) -> Universe:
    """Look at what the warehouse has after ingest."""
    listed = ingested.listings
    markets = {ticker: plan.market(listing.exchange) for ticker, listing in listed.items()}
    as_of = {ticker: market.as_of for ticker, market in markets.items()}
    last = max(as_of.values())
    prices, read_at = read_history(warehouse, plan.fetched, last), datetime.now(UTC)
    history = History.from_columns(
        prices,
        plan.fetched,
        [listed[ticker].exchange.code for ticker in plan.fetched],
    )
    forecast = history.only(plan.tickers)
    exchanges = {ticker: market.exchange for ticker, market in markets.items()}
    states = _with_successors(
        warehouse, ticker_states(forecast, as_of, exchanges, ingested.failures, settings.history)
    )
    first = history.sessions[history.valid].min().item() if history.valid.any() else last
    # A replayed forecast of a session is no night's: whoever asks for that night gets it.
    complete = complete_forecasts(warehouse, plan.tickers, first, last, len(MODELS), ("nightly", "catchup"))
    tonight: dict[date, list[str]] = {}
    for state in states:
        if state.can_forecast and as_of[state.ticker] not in complete.get(state.ticker, set()):
            tonight.setdefault(as_of[state.ticker], []).append(state.ticker)
    missing = missing_sessions(
        forecast,
        complete,
        as_of,
        settings.catch_up.sessions,
        settings.history.forecast_sessions,
        first_live_sessions(warehouse, plan.tickers),
    )
    return Universe(history, read_at, listed, markets, states, complete, tonight, _by_session(missing))


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
