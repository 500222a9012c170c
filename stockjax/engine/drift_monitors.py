"""The monitors of drift of one line of models: what they observe at a session, and where they stand then."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.drift import COVERAGE, INPUT, SCALE, Monitor, Observations, Steps, Streams, advance
from stockjax.engine.drift_observations import Observed, by_day, forecast_observations, input_observations
from stockjax.engine.drift_outcomes import LOOKBACK, arrived_outcomes, no_pending, still_pending
from stockjax.engine.drift_states import (
    UNIVERSE,
    AllStates,
    MonitorStates,
    Scope,
    replaced_states,
    states_of,
    states_to_table,
    ticker_column,
)
from stockjax.features import PricePanel
from stockjax.settings import AlertSettings, DriftSettings

_Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Monitors:
    """Where the monitors of drift stand after a session.

    Attributes
    ----------
    states
        By monitor and scope, the states of its streams.
    pending
        Forecasts of `lstm` whose outcome has not been observed yet, columns `PENDING_COLUMNS`;
        `of_ticker` and `of_universe` say which of the two has not observed it.
    alarms
        By ticker ('' for the universe), the session of the last alarm of coverage or scale.

    """

    states: AllStates = field(default_factory=dict)
    pending: pd.DataFrame = field(default_factory=no_pending)
    alarms: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True)
class MonitorUpdate:
    """What a session has changed.

    Attributes
    ----------
    observed
        Columns of the table `drift` but as_of and run_id, (n,) each; empty where nothing was observed.
    moved
        The states that have moved.

    """

    observed: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    moved: AllStates = field(default_factory=dict)

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of `drift`, but as_of and run_id."""
        return pd.DataFrame(dict(self.observed))

    @property
    def states(self) -> pd.DataFrame:
        """The rows of `drift_state` that moved, but as_of."""
        return states_to_table(self.moved).drop(columns="as_of")


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
    rows: list[_Columns] = []
    moved: dict[tuple[str, Scope], MonitorStates] = {}
    for monitor in (COVERAGE, SCALE, INPUT) if watch_inputs else (COVERAGE, SCALE):
        tickers, universe = (states_of(monitors.states, monitor, scope) for scope in ("ticker", "universe"))
        if monitor is INPUT:
            seen = input_observations(usable, tickers, universe)
        else:
            seen = forecast_observations(outcomes, monitor, band)
        seen = _without_observed_later(seen, tickers, universe, as_of)
        scopes: list[tuple[Scope, Observed, MonitorStates]] = [
            ("ticker", seen.only(seen.of_ticker), tickers),
            ("universe", by_day(seen), universe),
        ]
        for scope, observed, states in scopes:
            if len(observed.names):
                moved[monitor.name, scope], steps = _advance(observed, states, as_of, drift)
                rows.append(_rows(monitor, scope, observed, steps))
    if not rows:
        return monitors, MonitorUpdate()
    update = MonitorUpdate({name: np.concatenate([each[name] for each in rows]) for name in rows[0]}, moved)
    after = Monitors(
        replaced_states(monitors.states, moved),
        still_pending(monitors.pending, outcomes, as_of),
        _recent_alarms(monitors.alarms, update, as_of),
    )
    return after, update


def _without_observed_later(
    seen: Observed, tickers: MonitorStates, universe: MonitorStates, as_of: date
) -> Observed:
    """Leave out the observations of monitors that a later night has moved already."""
    later, own = tickers.moved_after(as_of), seen.of_ticker
    if len(later):
        own = own & ~np.isin(seen.names.astype(str), later.astype(str))
    return replace(seen, of_ticker=own, of_universe=seen.of_universe & (not len(universe.moved_after(as_of))))


def _recent_alarms(before: Mapping[str, date], update: MonitorUpdate, as_of: date) -> dict[str, date]:
    rows = update.observed
    raised = rows["ticker"][rows["alarm"] & (rows["monitor"] != INPUT.name)]
    alarms = {**before, **{UNIVERSE if ticker is None else str(ticker): as_of for ticker in raised}}
    return {name: day for name, day in alarms.items() if day >= as_of - LOOKBACK}


def _advance(
    seen: Observed, known: MonitorStates, as_of: date, drift: DriftSettings
) -> tuple[MonitorStates, Steps]:
    """The states after new observations, and what came of each of these."""
    names, stream = np.unique(seen.names, return_inverse=True)
    before = known.of(names)
    streams, steps = advance(
        Streams(before.wealth, before.seen, before.step),
        Observations(stream, seen.sessions, seen.bets),
        average_run_length=drift.average_run_length,
        fewest=drift.min_observations,
    )
    newest = np.full(len(names), np.datetime64("0001-01-01", "D"))
    np.maximum.at(newest, stream, seen.sessions)
    moved = MonitorStates(
        names,
        np.full(len(names), np.datetime64(as_of, "D")),
        np.fmax(newest, before.last_session),
        streams.wealth,
        streams.seen,
        streams.steps,
    )
    return moved, steps


def _rows(monitor: Monitor, scope: Scope, seen: Observed, steps: Steps) -> _Columns:
    count = len(seen.names)
    return {
        "scope": np.full(count, scope, dtype=object),
        "ticker": ticker_column(seen.names),
        "monitor": np.full(count, monitor.name, dtype=object),
        "session": seen.sessions.astype("datetime64[s]"),
        "tickers": seen.tickers,
        "observation": np.sqrt(seen.values) if monitor is SCALE else seen.values,
        "evidence": steps.evidence,
        "threshold": steps.level,
        "alarm": steps.alarm,
        "direction": np.array(monitor.bets, dtype=object)[steps.leading],
        "seen": steps.seen,
        "step": steps.step,
    }
