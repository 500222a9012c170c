"""The data of one session, and the tickers to forecast from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from stockjax.features import PricePanel
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.plan import Origin
from stockjax.sessions import Exchange


@dataclass(frozen=True)
class SessionData:
    """What is known at the close of a session, and which forecasts are wanted.

    Attributes
    ----------
    asof
        Prices and features of the tickers that can be forecast from the session.
    prices
        Prices of all tickers up to the session: outcomes of earlier forecasts.
    due
        Tickers to forecast, all of them in `asof`.
    exchanges, origins
        By ticker: its calendar, and the origin of its forecast.
    watched
        Tickers whose inputs are monitored; None for all in `asof`.

    """

    asof: AsOfData
    prices: PricePanel
    due: tuple[str, ...]
    exchanges: Mapping[str, Exchange]
    origins: Mapping[str, Origin]
    watched: tuple[str, ...] | None = None

    @property
    def as_of(self) -> date:
        """The session."""
        return self.asof.as_of
