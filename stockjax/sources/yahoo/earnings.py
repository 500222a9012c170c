"""The source of announcements `yahoo`: earnings dates of the past and the future through yfinance."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import yfinance
from yfinance.data import YfData

from stockjax.errors import InvalidDataError, SourceError, UnknownTickerError
from stockjax.events import Announcement
from stockjax.events.announcement import timing_of
from stockjax.settings import YahooSettings
from stockjax.sources.events.event_protocol import EventDelivery, EventRequest
from stockjax.sources.rate_limit import RateLimiter, ask_again
from stockjax.sources.yahoo.chart_api import is_symbol, use_no_caches
from stockjax.sources.yahoo.client import PacedSession

FIRST_ROWS, LATER_ROWS = 100, 12
"""Dates that are asked for of a ticker for the first time, and later."""

_RETRIES, _FIRST_WAIT = 2, 0.5


class YahooEarnings:
    """Earnings dates as Yahoo has them; without reported earnings they are its estimates.

    Its days have been wrong by one and its hours by a zone for months at a time (yfinance issues 2365, 2371
    and 2421), so that the timing counts as doubtful: a ticker's own past reactions can contradict it.
    """

    name = "yahoo"
    asks_by_ticker = True
    looks_ahead = True

    def __init__(self, settings: YahooSettings) -> None:
        self._settings = settings

    def fetch(self, requests: Iterable[EventRequest]) -> Iterator[EventDelivery]:
        """Ask for one ticker after the other, at the pace of the prices."""
        use_no_caches()
        yfinance.config.debug.hide_exceptions = False
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        settings = self._settings
        limiter = RateLimiter(settings.requests_per_second, settings.pause, settings.pause_budget)
        session = PacedSession(limiter, settings.base_url)
        try:
            for request in requests:
                try:
                    said = self._ask(session, limiter, request)
                except SourceError as error:
                    yield EventDelivery((), frozenset(), {request.ticker: error})
                else:
                    yield EventDelivery(said, frozenset({request.ticker}))
        finally:
            limiter.stop()
            session.close()

    def _ask(
        self, session: PacedSession, limiter: RateLimiter, request: EventRequest
    ) -> tuple[Announcement, ...]:
        if not is_symbol(request.ticker):
            raise UnknownTickerError(f"'{request.ticker}' is not how Yahoo spells a symbol")
        rows = FIRST_ROWS if request.known_through is None else LATER_ROWS
        return ask_again(
            limiter,
            lambda: announcements(_table(session, request.ticker, rows), request),
            _RETRIES,
            _FIRST_WAIT,
        )


def _table(session: PacedSession, ticker: str, rows: int) -> pd.DataFrame:
    """What yfinance makes of Yahoo's page; empty where it has no dates.

    Raises
    ------
    SourceError
        The page could not be had, or is of another kind.

    """
    # A page that was asked for before, an error among them, is kept by yfinance.
    YfData.cache_get.cache_clear()  # type: ignore[missing-attribute]  # wrapped by functools.lru_cache
    try:
        vendor = yfinance.Ticker(ticker, session=session)  # type: ignore[no-untyped-call]
        table = vendor.get_earnings_dates(limit=rows)
    except SourceError:
        raise
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:100]
        raise InvalidDataError(f"Yahoo's page of earnings of '{ticker}' cannot be read ({why})") from error
    return pd.DataFrame() if table is None else table


def announcements(table: pd.DataFrame, request: EventRequest) -> tuple[Announcement, ...]:
    """The rows of a table of earnings dates, indexed by moments with their zones.

    Raises
    ------
    InvalidDataError
        It is not indexed by moments.

    """
    if not len(table):
        return ()
    if not isinstance(table.index, pd.DatetimeIndex) and not all(
        isinstance(moment, datetime) for moment in table.index
    ):
        raise InvalidDataError(f"Yahoo's earnings of '{request.ticker}' are not dated by moments")
    zone = ZoneInfo(request.exchange.time_zone)
    reported = table["Reported EPS"] if "Reported EPS" in table else pd.Series(float("nan"), table.index)
    found: dict[date, Announcement] = {}
    for moment, eps in zip(table.index, pd.to_numeric(reported, errors="coerce"), strict=True):
        if pd.isna(moment):
            continue
        aware = moment.to_pydatetime()
        local = (aware if aware.tzinfo else aware.replace(tzinfo=UTC)).astimezone(zone)
        day = local.date()
        found.setdefault(
            day,
            Announcement(
                ticker=request.ticker,
                day=day,
                source="yahoo",
                timing=timing_of(day, local.time().replace(tzinfo=None), request.exchange),
                estimated=bool(pd.isna(eps)),
                timing_is_reliable=False,
            ),
        )
    return tuple(found.values())
