"""One ticker's history through yfinance."""

import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import yfinance
from yfinance import cache as yfinance_cache
from yfinance import exceptions

from stockjax.errors import (
    InvalidDataError,
    RateLimitedError,
    SourceError,
    SourceUnavailableError,
    UnknownTickerError,
)
from stockjax.settings import YahooSettings
from stockjax.sources.protocol import DELIVERED_COLUMNS, Request
from stockjax.sources.rate_limit import RateLimiter
from stockjax.sources.yahoo.client import PacedSession
from stockjax.sources.yahoo.exchanges import calendar_code, zone_without_calendar
from stockjax.sources.yahoo.revisions import history_changed

_SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=&_-]{0,31}")
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_TOO_MANY = re.compile(r"too many requests|rate limit", re.IGNORECASE)
"""How an answer that has the status of a good one may refuse."""
_COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
    "Dividends": "dividend",
    "Stock Splits": "split",
}


def is_symbol(ticker: str) -> bool:
    """Whether Yahoo could spell a symbol so; it would resolve an ISIN to some listing.

    Example
    -------
    >>> is_symbol("BRK-B"), is_symbol("US0378331005"), is_symbol("../etc")
    (True, False, False)

    """
    return bool(_SYMBOL.fullmatch(ticker)) and not _ISIN.fullmatch(ticker.upper())


@dataclass(frozen=True)
class Answer:
    """What Yahoo says of a ticker.

    Attributes
    ----------
    prices
        Columns `DELIVERED_COLUMNS`.
    full_history
        Whether it is all the history there is, and not only what followed the known rows.
    exchange
        Calendar code, if Yahoo's metadata settle it.
    zone
        The time zone, if no calendar is known for it.

    """

    prices: pd.DataFrame
    full_history: bool
    exchange: str | None
    zone: str | None = None


class YahooHistory:
    """Yahoo's daily bars, asked for through one session by any number of threads."""

    def __init__(self, settings: YahooSettings, limiter: RateLimiter) -> None:
        use_no_caches()
        # Without it a failure comes back as an empty table.
        yfinance.config.debug.hide_exceptions = False
        # Failures have names here, and are reported once.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        # Warnings about its own use of pandas do not help a reader of the log.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"yfinance\.")
        self._timeout = settings.timeout
        self._session = PacedSession(limiter, settings.base_url)

    def ask(self, request: Request) -> Answer:
        """The history of a ticker: one request if nothing of what is known has changed, else two.

        Raises
        ------
        SourceError
            Yahoo did not answer with prices.

        """
        if not is_symbol(request.ticker):
            raise UnknownTickerError("this is not how Yahoo spells a symbol")
        if request.known is not None and len(request.known):
            first = request.known["session"].min()
            # From the day before, for in the vendor's zone a bar may begin before our day does.
            answer = self._bars(request, first.date() - timedelta(days=1))
            if answer is not None:
                news = answer.prices[answer.prices["session"] >= first].reset_index(drop=True)
                if not history_changed(request.known, news):
                    return replace(answer, prices=news)
        full_history = self._bars(request, None)
        if full_history is None:
            raise UnknownTickerError("it has no daily prices")
        return full_history

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _bars(self, request: Request, first: date | None) -> Answer | None:
        """The bars from `first` on, or all of them; None if there are none."""
        ticker = _Ticker(request.ticker, self._session, request.exchange.time_zone)
        # An end that lies in the future keeps the answer out of yfinance's cache, which would
        # give it again without asking.
        end = datetime.now(UTC).date() + timedelta(days=2)
        span: dict[str, object] = {"start": first, "end": end} if first else {"period": "max"}
        try:
            table = ticker.history(
                **span, auto_adjust=False, actions=True, keepna=True, timeout=self._timeout
            )
            metadata = ticker.history_metadata
        except SourceError:
            raise
        except exceptions.YFRateLimitError as error:
            raise RateLimitedError("the vendor asked us to slow down") from error
        except exceptions.YFPricesMissingError as error:
            if error.yahoo_reason and _TOO_MANY.search(error.yahoo_reason):
                raise RateLimitedError("the vendor asked us to slow down") from error
            if error.yahoo_reason:
                raise UnknownTickerError(error.yahoo_reason) from error
            return None
        except exceptions.YFDataException as error:
            raise SourceUnavailableError(str(error)) from error
        except Exception as error:
            # Whatever yfinance stumbles over, it is the answer that has another shape.
            raise InvalidDataError(
                f"the answer is no price table ({type(error).__name__}: {error})"
            ) from error
        return _answer(request.ticker, table, metadata, full_history=first is None)


class _Ticker(yfinance.Ticker):
    """A ticker whose time zone is known, so that yfinance need not ask for it first."""

    def __init__(self, ticker: str, session: PacedSession, time_zone: str) -> None:
        super().__init__(ticker, session=session)  # type: ignore[no-untyped-call]
        self._known_zone = time_zone

    def _get_ticker_tz(self, timeout: float) -> str:
        del timeout
        return self._known_zone


def use_no_caches() -> None:
    """Keep yfinance from its own files: databases of pickled cookies and of time zones.

    A run asks for a cookie once and knows the time zones. Files that another program can write are not
    unpickled, and no thread leaves a connection to a database open.
    """
    managers: Any = yfinance_cache
    managers._TzCacheManager._tz_cache = managers._TzCacheDummy()
    managers._CookieCacheManager._Cookie_cache = managers._CookieCacheDummy()
    managers._ISINCacheManager._isin_cache = managers._ISINCacheDummy()


def _answer(
    ticker: str, table: pd.DataFrame, metadata: Mapping[str, object], *, full_history: bool
) -> Answer | None:
    exchange = calendar_code(metadata)
    if table.empty:
        return None
    if not isinstance(table.index, pd.DatetimeIndex) or set(_COLUMNS) - set(table.columns):
        raise InvalidDataError(f"the answer has other columns ({', '.join(map(str, table.columns))})")
    prices = table[list(_COLUMNS)].rename(columns=_COLUMNS).astype(float)
    # The gains that a fund hands out lower its price as a dividend does. Where a day has both, Yahoo's
    # dividend has the gains in it: https://github.com/ranaroussi/yfinance/issues/2666.
    gains = table.get("Capital Gains", pd.Series(0.0, index=table.index)).astype(float).fillna(0.0)
    prices["dividend"] = prices["dividend"].fillna(0.0).clip(lower=gains)
    prices["split"] = prices["split"].replace(0.0, 1.0)
    prices["ticker"] = ticker
    # The day in the exchange's own zone, as the index counts it.
    prices["session"] = table.index.tz_localize(None).normalize().astype("datetime64[s]")
    prices["raw"] = pd.Series([None] * len(prices), dtype=str, index=prices.index)
    return Answer(
        prices[list(DELIVERED_COLUMNS)].reset_index(drop=True),
        full_history,
        exchange,
        zone_without_calendar(metadata),
    )
