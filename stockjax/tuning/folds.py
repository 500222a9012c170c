"""The folds of the past on which every configuration is scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stockjax.errors import NothingToTuneError
from stockjax.features import NO_CONTEXT, Features, MarketContext, PricePanel
from stockjax.features.volatility import log_returns
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.missing_forecasts import sessions_between
from stockjax.settings import Settings
from stockjax.training.gate_holdout import GATE_SESSIONS

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fold:
    """Sessions that are forecast by models trained at the close of the first of them.

    Attributes
    ----------
    asof
        Prices cut at the first session: all that training sees.
    features
        Inputs up to the search's own session. Those of a session never depend on later ones
        (tests hold them to it, bit for bit), so that one table serves the forecasts of all folds.
    rows, positions
        (n,) ticker row and session column of each forecast, in the order of time.
    returns
        (n,) the log return that was forecast.
    days
        (n,) the session of each.

    """

    asof: AsOfData
    features: Features
    rows: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    returns: Array
    days: npt.NDArray[np.datetime64]

    @cached_property
    def sessions(self) -> npt.NDArray[np.datetime64]:
        """(D,) the distinct sessions, ascending."""
        return np.unique(self.days)

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """(D,) forecasts from each session."""
        return np.bincount(np.searchsorted(self.sessions, self.days))

    def by_session(self, losses: Array) -> Array:
        """(n,) losses added up over the tickers of each session, (D,): a day is one observation."""
        return np.bincount(np.searchsorted(self.sessions, self.days), weights=losses).astype(np.float64)


def make_folds(
    history: PricePanel,
    tickers: Sequence[str],
    as_of: date,
    settings: Settings,
    context: MarketContext = NO_CONTEXT,
) -> list[Fold]:
    """The last `tune.folds` folds of `tune.fold_sessions` sessions before the gate holdout.

    The last GATE_SESSIONS sessions of which `as_of` knew the outcome are left out: a winner is judged by
    them.

    Parameters
    ----------
    history
        All tickers that a base learns from; nothing after `as_of` is used.
    tickers
        Those of them that are forecast and scored.
    context
        Announcements and indices of implied volatility.

    Raises
    ------
    NothingToTuneError
        No ticker has the sessions that the folds and a first training before them take.

    """
    known = AsOfData.at(history, as_of, settings.training.extra_features, context)
    count, size = settings.tune.folds, settings.tune.fold_sessions
    days = _scored_days(known.history, tickers, settings.history.forecast_sessions)[:-GATE_SESSIONS]
    _check(known.history, days, settings)
    returns = log_returns(known.history)
    places = {day: known.history.position(day) for day in days[-count * size :]}
    folds = []
    for number in range(count, 0, -1):
        some = days[len(days) - number * size :][:size]
        wanted = [
            (row, int(position))
            for day in some
            for row, position in enumerate(places[day])
            if _is_scored(known.history, tickers, row, int(position), settings.history.forecast_sessions)
        ]
        rows, positions = np.array(wanted, dtype=np.int64).T
        folds.append(
            Fold(
                AsOfData.at(known.history, some[0], settings.training.extra_features, context),
                known.features,
                rows,
                positions,
                returns[rows, positions + 1],
                known.history.sessions[rows, positions],
            )
        )
    return folds


def _scored_days(history: PricePanel, tickers: Sequence[str], needed: int) -> list[date]:
    """Sessions of these tickers with history enough before them and a session after them."""
    found = sessions_between(history.only(tickers), date.min, date.max, needed)
    # The last session of a ticker has no outcome yet.
    return sorted(set().union(*(sorted(days)[:-1] for days in found.values())))


def _is_scored(history: PricePanel, tickers: Sequence[str], row: int, position: int, needed: int) -> bool:
    enough = needed - 1 <= position < history.lengths[row] - 1
    return bool(enough and history.tickers[row] in tickers)


def _check(history: PricePanel, days: list[date], settings: Settings) -> None:
    """A search needs the folds, and before them what one training of a ticker takes."""
    count = settings.tune.folds * settings.tune.fold_sessions
    needed = settings.history.training_sessions
    before = days[-count] if len(days) >= count else date.min
    if history.cut(before).lengths.max(initial=0) < needed:
        raise NothingToTuneError(
            f"a search over {settings.tune.folds} folds of {settings.tune.fold_sessions} sessions takes a "
            f"ticker with {needed} sessions before them, and the longest history has "
            f"{history.lengths.max(initial=0)} in all; lower tune.folds or tune.fold_sessions"
        )
