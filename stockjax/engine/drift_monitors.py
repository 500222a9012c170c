"""The monitors of drift of one line of models: what they observe at a session, and where they stand then."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.drift import COVERAGE, INPUT, SCALE, Monitor, Observations, Steps, Streams, advance
from stockjax.engine.drift_observations import (
    KnownStates,
    by_day,
    forecast_observations,
    input_observations,
)
from stockjax.engine.drift_outcomes import LOOKBACK, arrived_outcomes, no_pending, still_pending
from stockjax.features import PricePanel
from stockjax.settings import AlertSettings, DriftSettings

_STATE_COLUMNS = ("scope", "ticker", "monitor", "as_of", "last_session", "seen", "step", "wealth")


def no_states() -> pd.DataFrame:
    """The states of monitors that have observed nothing."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in _STATE_COLUMNS})


@dataclass(frozen=True)
class Monitors:
    """Where the monitors of drift stand after a session.

    Attributes
    ----------
    states
        A row per monitor, scope and ticker, with the columns of the table `drift_state`.
    pending
        Forecasts of `lstm` whose outcome has not been observed yet, columns `PENDING_COLUMNS`;
        `of_ticker` and `of_universe` say which of the two has not observed it.
    alarms
        By ticker ('' for the universe), the session of the last alarm of coverage or scale.

    """

    states: pd.DataFrame = field(default_factory=no_states)
    pending: pd.DataFrame = field(default_factory=no_pending)
    alarms: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True)
class MonitorUpdate:
    """What a session has changed: rows of `drift`, and the rows of `drift_state` that moved."""

    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    states: pd.DataFrame = field(default_factory=pd.DataFrame)


def update_monitors(
    monitors: Monitors,
    prices: PricePanel,
    usable: PricePanel,
    as_of: date,
    drift: DriftSettings,
    band: AlertSettings,
    *,
    watch_inputs: bool = True,
) -> tuple[Monitors, MonitorUpdate]:
    """Observe what has become known up to the close of `as_of`; nothing is observed twice.

    A session of the past, after which the monitors have gone on, adds nothing: its evidence is on record.

    Parameters
    ----------
    prices
        Prices of all tickers up to `as_of`, for the outcomes.
    usable
        Those of the tickers that can be forecast from it, for the inputs.

    """
    if not drift.watch:
        return monitors, MonitorUpdate()
    outcomes = arrived_outcomes(monitors.pending, prices, as_of)
    watched = [COVERAGE, SCALE, INPUT] if watch_inputs else [COVERAGE, SCALE]
    rows, moved = [], []
    for monitor in watched:
        known = KnownStates(monitors.states[monitors.states["monitor"] == monitor.name])
        seen = (
            input_observations(usable, known)
            if monitor is INPUT
            else forecast_observations(outcomes, monitor, band)
        )
        seen = known.drop_already_seen(seen, as_of)
        for scope, table in (("ticker", seen[seen["of_ticker"]]), ("universe", by_day(seen))):
            if len(table):
                added, state = _advance(monitor, scope, table, known.of(scope), drift, band)
                rows.append(added)
                moved.append(state)
    if not rows:
        return monitors, MonitorUpdate()
    update = MonitorUpdate(pd.concat(rows, ignore_index=True), pd.concat(moved, ignore_index=True))
    observed = still_pending(monitors.pending, outcomes, as_of)
    alarms = {**monitors.alarms, **_alarms(update.rows, as_of)}
    recent_alarms = {name: day for name, day in alarms.items() if day >= as_of - LOOKBACK}
    return Monitors(_replaced(monitors.states, update.states, as_of), observed, recent_alarms), update


def _alarms(rows: pd.DataFrame, as_of: date) -> dict[str, date]:
    raised = rows[rows["alarm"].astype(bool) & (rows["monitor"] != INPUT.name)]
    return {("" if pd.isna(ticker) else str(ticker)): as_of for ticker in raised["ticker"]}


def _replaced(states: pd.DataFrame, moved: pd.DataFrame, as_of: date) -> pd.DataFrame:
    key = ["monitor", "scope", "ticker"]
    fresh = moved.assign(as_of=pd.Timestamp(as_of))[list(_STATE_COLUMNS)]
    if not len(states):
        return fresh
    names = [pd.MultiIndex.from_frame(table[key].fillna("").astype(str)) for table in (states, fresh)]
    return pd.concat([states[~names[0].isin(names[1])], fresh], ignore_index=True)


def _advance(
    monitor: Monitor,
    scope: str,
    seen: pd.DataFrame,
    known: pd.DataFrame,
    drift: DriftSettings,
    band: AlertSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows and the states that new observations make."""
    names, stream = np.unique(seen["ticker"].fillna("").to_numpy(dtype=object), return_inverse=True)
    place = pd.Index(known["ticker"].fillna("")).get_indexer(pd.Index(names))
    streams = _restored(place, known, len(monitor.bets))
    observed = Observations(
        stream, seen["session"].to_numpy().astype("datetime64[D]"), seen[list(monitor.bets)].to_numpy()
    )
    fewest = drift.min_observations
    streams, steps = advance(streams, observed, average_run_length=drift.average_run_length, fewest=fewest)
    newest = np.full(len(names), np.datetime64("0001-01-01", "s"))
    np.maximum.at(newest, stream, seen["session"].to_numpy().astype("datetime64[s]"))
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
