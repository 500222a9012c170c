"""What the monitors of drift observe: whether forecasts held, and how unusual the inputs are."""

from dataclasses import dataclass
from datetime import date

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
from stockjax.features import PricePanel
from stockjax.settings import AlertSettings

_NOTHING_SEEN = pd.DataFrame({"ticker": [], "session": [], "of_ticker": [], "of_universe": []}).astype(
    {"ticker": "object", "session": "datetime64[s]", "of_ticker": bool, "of_universe": bool}
)
_INPUT_WARM_UP = 126
# What EWMA volatility, a mere floor here, and the longest mean need to have begun.
_INPUT_ROOM = 84
# As deep as the outcomes of another exchange may be behind.
_INPUT_AGAIN = 5


@dataclass(frozen=True)
class KnownStates:
    """The stored states of a monitor."""

    table: pd.DataFrame

    def of(self, scope: str) -> pd.DataFrame:
        """Those of the tickers, or that of the universe."""
        return self.table[self.table["scope"] == scope]

    def drop_already_seen(self, seen: pd.DataFrame, as_of: date) -> pd.DataFrame:
        """Leave out those that a later night has moved already."""
        ahead = self.table[self.table["as_of"] > pd.Timestamp(as_of)]
        if not len(ahead):
            return seen
        own = seen["of_ticker"] & ~seen["ticker"].isin(ahead["ticker"].dropna())
        shared = seen["of_universe"] & ("universe" not in set(ahead["scope"]))
        return seen.assign(of_ticker=own, of_universe=shared)

    def last_sessions(self, scope: str) -> dict[str | None, np.datetime64]:
        """The last session that each has observed, by ticker (None for the universe)."""
        table = self.of(scope)
        names = table["ticker"] if scope == "ticker" else [None] * len(table)
        return dict(zip(names, table["last_session"].to_numpy().astype("datetime64[D]"), strict=True))


def forecast_observations(outcomes: pd.DataFrame, monitor: Monitor, limits: AlertSettings) -> pd.DataFrame:
    """What a monitor of forecasts sees in outcomes: ticker, session, observation and a column per bet."""
    inside_90 = outcomes["inside_90"].to_numpy(dtype=np.bool_)
    residuals = outcomes["residual"].to_numpy(dtype=np.float64)
    if monitor is COVERAGE:
        bets = coverage_bets(inside_90, limits.coverage_low, limits.coverage_high)
        seen = inside_90.astype(np.float64)
    else:
        bets = scale_bets(residuals, outcomes["inside_50"].to_numpy(dtype=np.bool_), inside_90)
        # Squared, so that the mean over tickers is one of squares.
        seen = residuals**2
    return _with_bets(outcomes[["ticker", "session", "of_ticker", "of_universe"]], monitor, seen, bets)


def input_observations(history: PricePanel, known: KnownStates) -> pd.DataFrame:
    """The same of a monitor of inputs, from the prices of the tickers."""
    last = known.last_sessions("ticker")
    newest = np.array([last.get(ticker, np.datetime64("NaT", "D")) for ticker in history.tickers])
    newest = newest.astype("datetime64[D]")
    # No comparison with NaT holds: to a ticker that begins all is fresh.
    fresh = history.lengths - (history.sessions <= newest[:, None]).sum(axis=1)
    fresh = np.minimum(fresh, _INPUT_WARM_UP)
    counts = np.where(fresh > _INPUT_AGAIN, _INPUT_WARM_UP, _INPUT_AGAIN)
    history = recent(history, REFERENCE_SESSIONS + int(counts.max(initial=0)) + _INPUT_ROOM)
    counts = np.minimum(counts, np.maximum(history.lengths - 1, 0))
    fresh_from = history.lengths - fresh
    if not counts.any():
        return _with_bets(_NOTHING_SEEN, INPUT, np.zeros(0), np.zeros((0, len(INPUT.bets))))
    series = [ending_together(each, history.lengths) for each in watched_inputs(history)]
    rows, columns, payoffs = [], [], []
    for count in np.unique(counts[counts > 0]):
        here = np.flatnonzero(counts == count)
        paid = np.concatenate([surprise_bets(each[here], count) for each in series], axis=2)
        rows.append(np.repeat(here, count))
        columns.append((history.lengths[here, None] - count + np.arange(count)).ravel())
        payoffs.append(paid.reshape(-1, paid.shape[2]))
    row, column, paid = np.concatenate(rows), np.concatenate(columns), np.concatenate(payoffs)
    days = history.sessions[row, column]
    universe = known.last_sessions("universe").get(None)
    found = pd.DataFrame(
        {
            "ticker": np.array(history.tickers, dtype=object)[row],
            "session": days.astype("datetime64[s]"),
            "of_ticker": column >= fresh_from[row],
            "of_universe": True if universe is None else days > universe,
        }
    )
    arrived = found.groupby("session")["ticker"].transform("size")
    found["of_universe"] &= arrived >= MIN_DAY_SHARE * (history.lengths > 1).sum()
    return _with_bets(found, INPUT, paid.mean(axis=1), paid)


def _with_bets(
    found: pd.DataFrame, monitor: Monitor, seen: npt.NDArray[np.float64], bets: npt.NDArray[np.float64]
) -> pd.DataFrame:
    paid = dict(zip(monitor.bets, bets.T, strict=True))
    return found.assign(observation=seen, tickers=1, **paid)


def by_day(seen: pd.DataFrame) -> pd.DataFrame:
    """One observation a day, the mean over its tickers: of a day they are not independent."""
    here = seen["of_universe"].to_numpy(dtype=bool)
    days, day = np.unique(seen["session"].to_numpy()[here], return_inverse=True)
    count = np.bincount(day, minlength=len(days))
    means = {
        name: np.bincount(day, weights=seen[name].to_numpy(dtype=np.float64)[here], minlength=len(days))
        / count
        for name in seen.columns.drop(["ticker", "session", "tickers", "of_ticker", "of_universe"])
    }
    return pd.DataFrame({"session": days, **means, "tickers": count, "ticker": None})
