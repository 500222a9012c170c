"""Where the monitors of drift stand: arrays while they observe, a table where they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.drift import MONITORS, Monitor, Streams
from stockjax.drift.detector import STAKES

UNIVERSE = ""
"""The name of the universe, where others are tickers."""

Scope = Literal["ticker", "universe"]
SCOPES: tuple[Scope, ...] = ("ticker", "universe")

STATE_COLUMNS = ("scope", "ticker", "monitor", "as_of", "last_session", "seen", "step", "wealth")
"""Columns of the table `drift_state`."""


@dataclass(frozen=True)
class MonitorStates:
    """Where the streams of one monitor and scope stand.

    Attributes
    ----------
    names
        (n,) ticker of each; '' is the universe.
    as_of
        (n,) the night that moved it last.
    last_session
        (n,) the last session that it has observed; NaT if none.
    wealth, seen, step
        (n, K * len(STAKES)), (n,) and (n,): `Streams.wealth`, `seen` and `steps`.

    """

    names: npt.NDArray[np.object_]
    as_of: npt.NDArray[np.datetime64]
    last_session: npt.NDArray[np.datetime64]
    wealth: npt.NDArray[np.float64]
    seen: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]

    @classmethod
    def fresh(cls, names: Sequence[str] | npt.NDArray[np.object_], bets: int) -> "MonitorStates":
        """Streams that have observed nothing."""
        nothing, never = Streams.fresh(len(names), bets), np.full(len(names), np.datetime64("NaT", "D"))
        named = np.array(names, dtype=object)
        return cls(named, never, never.copy(), nothing.wealth, nothing.seen, nothing.steps)

    def moved_after(self, as_of: date) -> npt.NDArray[np.object_]:
        """The names of those that a later night has moved."""
        return self.names[self.as_of > np.datetime64(as_of)]

    def of(self, names: Sequence[str] | npt.NDArray[np.object_]) -> "MonitorStates":
        """The states of these names, in their order; fresh ones where there is none."""
        states = MonitorStates.fresh(names, self.wealth.shape[1] // len(STAKES))
        place_of = {name: place for place, name in enumerate(self.names)}
        place = np.array([place_of.get(name, -1) for name in names], dtype=np.int64)
        found = np.flatnonzero(place >= 0)
        for each in fields(states):
            getattr(states, each.name)[found] = getattr(self, each.name)[place[found]]
        return states

    def replaced(self, moved: "MonitorStates") -> "MonitorStates":
        """These states, with those of some names as they are now."""
        gone = set(moved.names)
        stay = np.array([name not in gone for name in self.names], dtype=np.bool_)
        pairs = ((getattr(self, each.name)[stay], getattr(moved, each.name)) for each in fields(self))
        return MonitorStates(*(np.concatenate(pair) for pair in pairs))


AllStates = Mapping[tuple[str, Scope], MonitorStates]
"""By monitor and scope."""


def states_of(states: AllStates, monitor: Monitor, scope: Scope) -> MonitorStates:
    """The states of a monitor and scope; none where it has observed nothing."""
    return states.get((monitor.name, scope)) or MonitorStates.fresh([], len(monitor.bets))


def replaced_states(states: AllStates, moved: AllStates) -> AllStates:
    """All states, with those that have moved as they are now."""
    now = {key: states[key].replaced(each) if key in states else each for key, each in moved.items()}
    return {**states, **now}


def states_from_table(table: pd.DataFrame) -> AllStates:
    """The states that a table with `STATE_COLUMNS` holds."""
    found: dict[tuple[str, Scope], MonitorStates] = {}
    for monitor, scope in product(MONITORS, SCOPES):
        rows = table[(table["monitor"] == monitor.name) & (table["scope"] == scope)]
        if not len(rows):
            continue
        found[monitor.name, scope] = MonitorStates(
            rows["ticker"].fillna(UNIVERSE).to_numpy(dtype=object),
            rows["as_of"].to_numpy().astype("datetime64[D]"),
            rows["last_session"].to_numpy().astype("datetime64[D]"),
            np.stack(rows["wealth"].tolist()).astype(np.float64),
            rows["seen"].to_numpy(dtype=np.int64),
            rows["step"].to_numpy(dtype=np.int64),
        )
    return found


def states_to_table(states: AllStates) -> pd.DataFrame:
    """A row per state, with `STATE_COLUMNS`."""
    if not states:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in STATE_COLUMNS})
    count = [len(each.names) for each in states.values()]
    keys = np.repeat(np.array([*states], dtype=object).reshape(-1, 2), count, axis=0)
    parts = {
        each.name: np.concatenate([getattr(one, each.name) for one in states.values()])
        for each in fields(MonitorStates)
        if each.name != "wealth"
    }
    columns = {
        **{name: parts[name] for name in ("seen", "step")},
        **{name: parts[name].astype("datetime64[s]") for name in ("as_of", "last_session")},
        "monitor": keys[:, 0],
        "scope": keys[:, 1],
        "ticker": pd.Series(ticker_column(parts["names"]), dtype="str"),
        "wealth": [row for one in states.values() for row in one.wealth],
    }
    return pd.DataFrame(columns)[list(STATE_COLUMNS)]


def ticker_column(names: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """(n,) names as tables have them: None for the universe."""
    named = names.copy()
    named[names == UNIVERSE] = None
    return named
