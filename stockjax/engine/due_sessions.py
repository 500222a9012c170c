"""The tickers and prices of a session of the past or of tonight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from stockjax.engine.session_data import SessionData
from stockjax.features import (
    NO_CONTEXT,
    Features,
    MarketContext,
    PointInTimePrices,
    PricePanel,
    build_features,
)
from stockjax.features.price_panel import PRICE_FIELDS
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.plan import Origin
from stockjax.sessions import Exchange


@dataclass(frozen=True, order=True)
class DueSession:
    """Tickers to forecast from a session by the prices that a run at session `known` had.

    Those are one and the same session unless prices came late.
    """

    known: date
    session: date
    tickers: tuple[str, ...] = field(compare=False)


def due_sessions(prices: PointInTimePrices, wanted: Mapping[date, Iterable[str]]) -> list[DueSession]:
    """The sessions in the order in which runs could forecast them.

    Parameters
    ----------
    wanted
        By session, the tickers to forecast from it.

    """
    groups: dict[tuple[date, date], list[str]] = {}
    for session, tickers in wanted.items():
        for ticker in tickers:
            known = max(prices.known_at(ticker, session), session)
            groups.setdefault((known, session), []).append(ticker)
    return sorted(DueSession(known, session, tuple(names)) for (known, session), names in groups.items())


class SessionReader:
    """What was known at each session of a universe; sessions that share prices share their features.

    Parameters
    ----------
    newest
        By ticker, the last completed session of its exchange at the time of the run: nothing later is used.
    forecast_sessions
        History that a forecast needs.
    extra_features
        Names of features of other packages.
    context
        Announcements and indices of implied volatility, as they were known.

    """

    def __init__(
        self,
        prices: PointInTimePrices,
        exchanges: Mapping[str, Exchange],
        newest: Mapping[str, date],
        forecast_sessions: int,
        extra_features: tuple[str, ...] = (),
        context: MarketContext = NO_CONTEXT,
    ) -> None:
        self._extra = extra_features
        self._context = context
        self._prices = prices
        self._exchanges = exchanges
        self._newest_completed = {
            ticker: exchanges[ticker].last_session_on_or_before(newest[ticker]) for ticker in prices.tickers
        }
        self._needed = forecast_sessions
        self._shared: tuple[PricePanel, Features] | None = None

    def usable(self, session: date, known: date | None = None) -> tuple[PricePanel, PricePanel]:
        """Prices of all tickers at a session, and of those that can be forecast from it.

        These have history enough, and a price of the newest session that their exchange could have.
        """
        history = self._prices.at(session, known)
        return history, history.only(self._usable_tickers(history, history.lengths, session))

    def usable_tickers(self, session: date) -> list[str]:
        """The tickers that can be forecast from a session, where no price was ever restated or came late."""
        history = self._prices.latest
        return self._usable_tickers(history, history.lengths_at(session), session)

    def _usable_tickers(
        self, history: PricePanel, lengths: npt.NDArray[np.int64], session: date
    ) -> list[str]:
        completed = {each: each.last_session_on_or_before(session) for each in set(self._exchanges.values())}
        found = []
        for row, (ticker, length) in enumerate(zip(history.tickers, lengths, strict=True)):
            newest = min(completed[self._exchanges[ticker]], self._newest_completed[ticker])
            if length >= self._needed and history.sessions[row, length - 1].item() == newest:
                found.append(ticker)
        return found

    def read(
        self,
        due: DueSession,
        origins: Mapping[str, Origin],
        ahead: date | None = None,
    ) -> SessionData | None:
        """The data of a session, without tickers that cannot be forecast from it; None if none is left.

        Parameters
        ----------
        origins
            By ticker.
        ahead
            A later session up to which features are computed at once, for the sessions that follow.

        """
        history, usable = self.usable(due.session, due.known)
        there = set(usable.tickers)
        tickers = tuple(ticker for ticker in due.tickers if ticker in there)
        if not tickers:
            return None
        return SessionData(
            asof=AsOfData(usable, due.session, self._features(usable, ahead)),
            prices=history,
            due=tickers,
            exchanges=self._exchanges,
            origins=origins,
        )

    def _features(self, usable: PricePanel, ahead: date | None) -> Features:
        """Those of the prices themselves, or cut from longer ones that begin with the same prices."""
        if self._shared is None or not begins_with(self._shared[0], usable):
            longer = self._prices.at(ahead, ahead).only(usable.tickers) if ahead else usable
            history = longer if begins_with(longer, usable) else usable
            self._shared = history, build_features(history, self._extra, self._context)
        history, features = self._shared
        return features if history is usable else features.cut(usable.lengths)


def begins_with(longer: PricePanel, shorter: PricePanel) -> bool:
    """Whether the prices of `shorter` are those of the first sessions of `longer`, of the same tickers."""
    if longer is shorter:
        return True
    width = shorter.sessions.shape[1]
    if longer.tickers != shorter.tickers or longer.markets != shorter.markets:
        return False
    if longer.sessions.shape[1] < width or (longer.lengths < shorter.lengths).any():
        return False
    inside = shorter.valid
    return all(
        np.array_equal(
            getattr(longer, name)[:, :width][inside],
            getattr(shorter, name)[inside],
            equal_nan=name != "sessions",
        )
        for name in ("sessions", *PRICE_FIELDS)
    )
