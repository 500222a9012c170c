"""Keeping the monitors of drift up to date, and what their alarms make due."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.drift import COVERAGE, INPUT, MONITORS, SCALE, Monitor, Observations, Steps, Streams, advance
from stockjax.drift.inputs import REFERENCE_SESSIONS, ending_together, recent, surprise_bets, watched_inputs
from stockjax.drift.monitors import coverage_bets, scale_bets
from stockjax.features import History
from stockjax.settings import AlertSettings, Settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.drift import append_drift, drift_alarms, unanswered_drift, unseen_by_drift

Say = Callable[[str], None]

WHOLE_DAY = 0.8
"""Share of a day's forecasts whose outcomes make it an observation of the universe."""

REMEMBERED = timedelta(days=370)
"""Outcomes and alarms that are older are let be: a monitor begins with the year before its first night."""

_INPUT_WARM_UP = 126
_NOTHING_SEEN = pd.DataFrame({"ticker": [], "session": [], "of_ticker": [], "of_universe": []}).astype(
    {"ticker": "object", "session": "datetime64[s]", "of_ticker": bool, "of_universe": bool}
)
# What EWMA volatility, a mere floor here, and the longest mean need to have begun.
_INPUT_ROOM = 84
# As deep as the outcomes of another exchange may be behind.
_INPUT_AGAIN = 5


@dataclass(frozen=True)
class Drifted:
    """What alarms make due for training, by what was known at a session.

    Attributes
    ----------
    tickers
        Those of which, or of the universe, there was an alarm since their last training.
    base
        Whether there was one of the universe since the base's.

    """

    tickers: frozenset[str] = frozenset()
    base: bool = False


def watch(warehouse: Warehouse, history: History, as_of: date, settings: Settings, run_id: str) -> None:
    """Let every monitor take what has become known up to the close of `as_of`.

    What it has taken it does not take again. A night of the past, after which it has gone on,
    gives it nothing: its evidence of that time is on record.

    Parameters
    ----------
    history
        Prices up to `as_of` of the tickers that can be forecast from it.

    """
    stored, outcomes = unseen_by_drift(warehouse, first=as_of - REMEMBERED, as_of=as_of, share=WHOLE_DAY)
    rows, states = [], []
    for monitor in MONITORS:
        known = _Known(stored[stored["monitor"] == monitor.name])
        seen = _inputs(history, known) if monitor is INPUT else _judged(outcomes, monitor, settings.alerts)
        seen = known.without_what_lies_behind(seen, as_of)
        for scope, table in (("ticker", seen[seen["of_ticker"]]), ("universe", _by_day(seen))):
            if len(table):
                moved, state = _advance(monitor, scope, table, known.of(scope), settings)
                rows.append(moved)
                states.append(state)
    if rows:
        append_drift(warehouse, pd.concat(rows), pd.concat(states), as_of=as_of, run_id=run_id)


def follow_drift(
    warehouse: Warehouse, history: History, as_of: date, settings: Settings, run_id: str, say: Say
) -> Drifted:
    """Let the monitors take what is known by then; returns what their alarms make due.

    Inputs that drift while forecasts hold ask for nothing but a look.
    """
    if not settings.drift.watch:
        return Drifted()
    watch(warehouse, history, as_of, settings, run_id)
    for line in alarm_lines(warehouse, as_of, history.tickers):
        say(line)
    if not settings.drift.retrain:
        return Drifted()
    due = unanswered_drift(warehouse, history.tickers, first=as_of - REMEMBERED, as_of=as_of)
    return Drifted(frozenset(ticker for ticker in due if ticker is not None), None in due)


def alarm_lines(warehouse: Warehouse, as_of: date, tickers: Sequence[str]) -> tuple[str, ...]:
    """One line for each alarm of a night, for people."""
    return tuple(
        f"drift: {row['monitor']} of {'the universe' if row['scope'] == 'universe' else row['ticker']}, "
        f"{row['direction']} (evidence {row['evidence']:.4g}, an alarm from {row['threshold']:.4g})"
        for row in drift_alarms(warehouse, tickers, as_of).to_dict("records")
    )


@dataclass(frozen=True)
class _Known:
    """The stored states of a monitor."""

    table: pd.DataFrame

    def of(self, scope: str) -> pd.DataFrame:
        return self.table[self.table["scope"] == scope]

    def without_what_lies_behind(self, seen: pd.DataFrame, as_of: date) -> pd.DataFrame:
        """Leave out those that a later night has moved already."""
        ahead = self.table[self.table["as_of"] > pd.Timestamp(as_of)]
        own = seen["of_ticker"] & ~seen["ticker"].isin(ahead["ticker"].dropna())
        shared = seen["of_universe"] & ("universe" not in set(ahead["scope"]))
        return seen.assign(of_ticker=own, of_universe=shared)

    def last_sessions(self, scope: str) -> dict[str | None, np.datetime64]:
        table = self.of(scope)
        names = table["ticker"] if scope == "ticker" else [None] * len(table)
        return dict(zip(names, table["last_session"].to_numpy().astype("datetime64[D]"), strict=True))


def _judged(outcomes: pd.DataFrame, monitor: Monitor, limits: AlertSettings) -> pd.DataFrame:
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


def _inputs(history: History, known: _Known) -> pd.DataFrame:
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
    found["of_universe"] &= arrived >= WHOLE_DAY * (history.lengths > 1).sum()
    return _with_bets(found, INPUT, paid.mean(axis=1), paid)


def _with_bets(
    found: pd.DataFrame, monitor: Monitor, seen: npt.NDArray[np.float64], bets: npt.NDArray[np.float64]
) -> pd.DataFrame:
    paid = dict(zip(monitor.bets, bets.T, strict=True))
    return found.assign(observation=seen, tickers=1, **paid)


def _by_day(seen: pd.DataFrame) -> pd.DataFrame:
    """One observation a day, the mean over its tickers: of a day they are not independent."""
    shared = seen[seen["of_universe"]]
    means = shared.drop(columns=["ticker", "tickers", "of_ticker", "of_universe"]).groupby("session").mean()
    return means.assign(tickers=shared.groupby("session").size(), ticker=None).reset_index()


def _advance(
    monitor: Monitor, scope: str, seen: pd.DataFrame, known: pd.DataFrame, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows and the states that new observations make."""
    names, stream = np.unique(seen["ticker"].fillna("").to_numpy(dtype=object), return_inverse=True)
    place = pd.Index(known["ticker"].fillna("")).get_indexer(pd.Index(names))
    streams = _restored(place, known, len(monitor.bets))
    observed = Observations(
        stream, seen["session"].to_numpy().astype("datetime64[D]"), seen[list(monitor.bets)].to_numpy()
    )
    fewest = settings.alerts.fewest_sessions
    streams, steps = advance(streams, observed, patience=settings.drift.patience, fewest=fewest)
    newest = seen["session"].groupby(stream).max().to_numpy()
    before = known["last_session"].to_numpy()[place] if len(known) else newest
    tickers = None if scope == "universe" else names
    state = pd.DataFrame(
        {
            "scope": scope,
            "ticker": pd.Series(tickers, index=range(len(names)), dtype="str"),
            "monitor": monitor.name,
            "last_session": np.where(place >= 0, np.fmax(newest, before.astype(newest.dtype)), newest),
            "seen": streams.seen,
            "step": streams.steps,
            "wealth": list(streams.wealth),
        }
    )
    return _rows(monitor, scope, seen, steps), state


def _restored(place: npt.NDArray[np.int64], known: pd.DataFrame, bets: int) -> Streams:
    """The streams as they were left, by their rows in `known`; fresh ones where there is none."""
    streams = Streams.fresh(len(place), bets)
    found = np.flatnonzero(place >= 0)
    if len(found):
        stored = {name: known[name].to_numpy()[place[found]] for name in ("wealth", "seen", "step")}
        streams.wealth[found] = np.stack(list(stored["wealth"]))
        streams.seen[found], streams.steps[found] = stored["seen"], stored["step"]
    return streams


def _rows(monitor: Monitor, scope: str, seen: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    observation = seen["observation"].to_numpy()
    return pd.DataFrame(
        {
            "scope": scope,
            "ticker": seen["ticker"].astype("str") if scope == "ticker" else pd.Series(dtype="str"),
            "monitor": monitor.name,
            "session": seen["session"],
            "tickers": seen["tickers"],
            "observation": np.sqrt(observation) if monitor is SCALE else observation,
            "evidence": steps.evidence,
            "threshold": steps.level,
            "alarm": steps.alarm,
            "direction": np.array(monitor.bets)[steps.leading],
            "seen": steps.seen,
            "step": steps.step,
        }
    )
