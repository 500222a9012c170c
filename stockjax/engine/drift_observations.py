"""What the monitors of drift observe: whether forecasts held, and how unusual the inputs are."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.drift import COVERAGE, INPUT, Monitor
from stockjax.drift.input_statistics import (
    REFERENCE_SESSIONS,
    ending_together,
    recent,
    surprise_bets,
    watched_inputs,
)
from stockjax.drift.monitors import coverage_bets, scale_bets
from stockjax.engine.drift_outcomes import MIN_DAY_SHARE
from stockjax.engine.drift_states import UNIVERSE, MonitorStates
from stockjax.features import PricePanel
from stockjax.settings import AlertSettings

_INPUT_WARM_UP = 126
# What EWMA volatility, a mere floor here, and the longest mean need to have begun.
_INPUT_ROOM = 84
# As deep as the outcomes of another exchange may be behind.
_INPUT_AGAIN = 5


@dataclass(frozen=True)
class Observed:
    """What a monitor observes.

    Attributes
    ----------
    names
        (n,) ticker of each; '' is the universe.
    sessions
        (n,) its session.
    values
        (n,) what is observed.
    bets
        (n, K) what each bet of the monitor pays on it.
    tickers
        (n,) number of tickers that it is the mean of.
    of_ticker, of_universe
        (n,) whether the ticker's monitor, or that of the universe, has not observed it yet.

    """

    names: npt.NDArray[np.object_]
    sessions: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float64]
    bets: npt.NDArray[np.float64]
    tickers: npt.NDArray[np.int64]
    of_ticker: npt.NDArray[np.bool_]
    of_universe: npt.NDArray[np.bool_]

    def only(self, where: npt.NDArray[np.bool_]) -> "Observed":
        """Some of the observations."""
        return Observed(*(getattr(self, each.name)[where] for each in fields(self)))


def forecast_observations(outcomes: pd.DataFrame, monitor: Monitor, limits: AlertSettings) -> Observed:
    """What a monitor of forecasts observes in outcomes."""
    inside_90 = outcomes["inside_90"].to_numpy(dtype=np.bool_)
    residuals = outcomes["residual"].to_numpy(dtype=np.float64)
    if monitor is COVERAGE:
        bets = coverage_bets(inside_90, limits.coverage_low, limits.coverage_high)
        values = inside_90.astype(np.float64)
    else:
        bets = scale_bets(residuals, outcomes["inside_50"].to_numpy(dtype=np.bool_), inside_90)
        # Squared, so that the mean over tickers is one of squares.
        values = residuals**2
    return Observed(
        outcomes["ticker"].to_numpy(dtype=object),
        outcomes["session"].to_numpy().astype("datetime64[D]"),
        values,
        bets,
        np.ones(len(outcomes), dtype=np.int64),
        outcomes["of_ticker"].to_numpy(dtype=np.bool_),
        outcomes["of_universe"].to_numpy(dtype=np.bool_),
    )


def input_observations(history: PricePanel, tickers: MonitorStates, universe: MonitorStates) -> Observed:
    """What the monitor of inputs observes in the prices of the tickers."""
    newest = tickers.of(history.tickers).last_session
    # No comparison with NaT holds: to a ticker that begins all is fresh.
    fresh = history.lengths - (history.sessions <= newest[:, None]).sum(axis=1)
    fresh = np.minimum(fresh, _INPUT_WARM_UP)
    counts = np.where(fresh > _INPUT_AGAIN, _INPUT_WARM_UP, _INPUT_AGAIN)
    history = recent(history, REFERENCE_SESSIONS + int(counts.max(initial=0)) + _INPUT_ROOM)
    counts = np.minimum(counts, np.maximum(history.lengths - 1, 0))
    row, column, paid = _recent_surprises(history, counts)
    sessions = history.sessions[row, column]
    days, day = np.unique(sessions, return_inverse=True)
    many = np.bincount(day, minlength=len(days)) >= MIN_DAY_SHARE * (history.lengths > 1).sum()
    last = universe.of([UNIVERSE]).last_session[0]
    return Observed(
        np.array(history.tickers, dtype=object)[row],
        sessions,
        paid.mean(axis=1),
        paid,
        np.ones(len(row), dtype=np.int64),
        column >= (history.lengths - fresh)[row],
        many[day] & (np.isnat(last) | (sessions > last)),
    )


def _recent_surprises(
    history: PricePanel, counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Row and column of the last `counts` sessions of each ticker, and what the bets pay on them."""
    rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    payoffs = [np.empty((0, len(INPUT.bets)))]
    if counts.any():
        series = [ending_together(each, history.lengths) for each in watched_inputs(history)]
        for count in np.unique(counts[counts > 0]):
            here = np.flatnonzero(counts == count)
            paid = np.concatenate([surprise_bets(each[here], count) for each in series], axis=2)
            rows.append(np.repeat(here, count))
            columns.append((history.lengths[here, None] - count + np.arange(count)).ravel())
            payoffs.append(paid.reshape(-1, paid.shape[2]))
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(payoffs)


def by_day(seen: Observed) -> Observed:
    """One observation a day, the mean over its tickers: of a day they are not independent."""
    seen = seen.only(seen.of_universe)
    days, day = np.unique(seen.sessions, return_inverse=True)
    tickers = np.bincount(day, minlength=len(days))

    def means(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The mean of each day, (days,)."""
        found: npt.NDArray[np.float64] = np.bincount(day, weights=values, minlength=len(days)) / tickers
        return found

    bets = np.stack([means(each) for each in seen.bets.T], axis=1)
    every = np.ones(len(days), dtype=np.bool_)
    return Observed(
        np.full(len(days), UNIVERSE, dtype=object), days, means(seen.values), bets, tickers, ~every, every
    )
