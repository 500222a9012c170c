"""Walking forward through sessions of the past, one step after the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import takewhile

import pandas as pd

from stockjax.engine.decisions import Decisions
from stockjax.engine.drift_monitors import Monitors, MonitorUpdate, update_monitors
from stockjax.engine.drift_outcomes import no_pending, with_pending
from stockjax.engine.due_sessions import DueSession, SessionReader, due_sessions
from stockjax.engine.policy import Policy
from stockjax.engine.session_data import SessionData
from stockjax.engine.session_forecasts import forecast_quiet_sessions
from stockjax.engine.session_step import StepResult, is_quiet, step
from stockjax.engine.state import State
from stockjax.features import PointInTimePrices
from stockjax.forecasting.plan import Origin
from stockjax.registry import Model


@dataclass(frozen=True)
class Chunk:
    """Some sessions of a walk.

    Attributes
    ----------
    models, forecasts, decisions
        What their steps made.
    state
        What they leave for the next.
    complete
        Whether no session before the last of these is still to come, as one whose prices came late.

    """

    sessions: list[date]
    models: list[Model]
    forecasts: pd.DataFrame
    decisions: list[Decisions]
    state: State
    complete: bool = True

    @property
    def problems(self) -> dict[str, tuple[date, str]]:
        """By ticker, the last problem of these sessions."""
        pairs = zip(self.sessions, self.decisions, strict=True)
        return {name: (day, why) for day, made in pairs for name, why in made.problems.items()}


@dataclass
class _Done:
    sessions: list[date] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)

    def add(self, sessions: list[date], results: list[StepResult]) -> None:
        self.sessions += sessions
        self.results += results

    def chunk(self, state: State, *, complete: bool) -> Chunk:
        tables = [result.forecasts for result in self.results if len(result.forecasts)]
        return Chunk(
            list(self.sessions),
            [model for result in self.results for model in result.models],
            pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(),
            [result.decisions for result in self.results],
            state,
            complete,
        )


def walk_forward(
    prices: PointInTimePrices,
    reader: SessionReader,
    wanted: Mapping[date, list[str]],
    policy: Policy,
    state: State,
    chunk_sessions: int = 21,
) -> Iterator[Chunk]:
    """Forecast sessions of the past, each from what was known at it, beginning from a state.

    Parameters
    ----------
    wanted
        By session, the tickers to forecast from it; sessions without any are skipped.
    chunk_sessions
        Sessions whose models and forecasts are handed on together.

    """
    due = due_sessions(prices, wanted)
    behind = _Behind(due)
    quiet = _QuietSessions(prices, reader, policy)
    done, place = _Done(), 0
    while place < len(due):
        room = due[place : place + chunk_sessions - len(done.sessions)]
        block = quiet.forecast(room, state) if behind.is_ahead(room[0]) else None
        if block:
            state, results = block
            done.add([each.session for each in room[: len(results)]], results)
        else:
            each = room[0]
            ahead = due[min(place + chunk_sessions, len(due)) - 1].session
            data = reader.read(each, dict.fromkeys(prices.tickers, "backtest"), max(ahead, each.session))
            if data:
                before = behind.state_at(each, state)
                result = step(data, before, policy)
                state = result.state if before is state else _merged(state, result)
                done.add([each.session], [result])
        count = len(block[1]) if block else 1
        for each in room[:count]:
            behind.remember(each, state)
        place += count
        if done.sessions and (place == len(due) or len(done.sessions) >= chunk_sessions):
            complete = not any(later.session <= done.sessions[-1] for later in due[place:])
            yield done.chunk(state, complete=complete)
            done = _Done()


class _QuietSessions:
    """Sessions at which nothing is trained, forecast and observed together: the same numbers in less time."""

    def __init__(self, prices: PointInTimePrices, reader: SessionReader, policy: Policy) -> None:
        self._prices = prices
        self._reader = reader
        self._policy = policy
        self._origins: dict[str, Origin] = dict.fromkeys(prices.tickers, "backtest")

    def forecast(self, due: list[DueSession], state: State) -> tuple[State, list[StepResult]] | None:
        """As many of the sessions, from the first on, as are quiet; None if the first is not.

        An alarm of drift ends them: its session is a step of its own.
        """
        alike = self._of_the_same_tickers(due)
        last = self._reader.read(alike[-1], self._origins) if alike else None
        if last is None:
            return None
        quiet = self._quiet(alike, state, last)
        while quiet:
            data = self._reader.read(quiet[-1], self._origins, alike[-1].session)
            made = self._forecast(quiet, state, data) if data else None
            if data is None or made is None:
                return None
            monitors, update = self._observed(state, made, data)
            alarm = _first_alarm(update)
            if alarm is None:
                return self._result(quiet, state, monitors, made)
            quiet = [each for each in quiet if each.session < alarm]
        return None

    def _of_the_same_tickers(self, due: list[DueSession]) -> list[DueSession]:
        """The sessions from the first on that the same tickers can be forecast from."""
        if not self._prices.is_static:
            return []
        tickers = self._reader.usable_tickers(due[0].session)

        def alike(each: DueSession) -> bool:
            return set(each.tickers) <= set(tickers) and self._reader.usable_tickers(each.session) == tickers

        return list(takewhile(alike, due))

    def _quiet(self, due: list[DueSession], state: State, last: SessionData) -> list[DueSession]:
        """The sessions from the first on at which nothing is due."""

        def quiet(each: DueSession) -> bool:
            return is_quiet(state, self._policy, each.session, last.asof, each.tickers, last.exchanges)

        return list(takewhile(quiet, due))

    def _forecast(self, quiet: list[DueSession], state: State, data: SessionData) -> pd.DataFrame | None:
        names = {ticker for each in quiet for ticker in each.tickers}
        return forecast_quiet_sessions(
            data.asof,
            {each.session: each.tickers for each in quiet},
            {name: state.tickers.get(name, state.base) for name in names},
            data.exchanges,
            self._origins,
            self._policy.training_sessions,
        )

    def _observed(
        self, state: State, made: pd.DataFrame, data: SessionData
    ) -> tuple[Monitors, MonitorUpdate]:
        waiting = replace(state.monitors, pending=with_pending(state.monitors.pending, made))
        policy = self._policy
        return update_monitors(
            waiting,
            data.prices,
            data.asof.history,
            data.as_of,
            policy.drift,
            policy.band,
            watch_inputs=False,
        )

    def _result(
        self, quiet: list[DueSession], state: State, monitors: Monitors, made: pd.DataFrame
    ) -> tuple[State, list[StepResult]]:
        if not self._policy.drift.watch:
            monitors = replace(monitors, pending=no_pending())
        after = replace(state, monitors=monitors)
        by_session = dict(list(made.groupby(made["as_of"].dt.date, sort=False)))
        results = []
        for each in quiet:
            kept = sum(ticker in state.tickers for ticker in each.tickers)
            rows = by_session[each.session].reset_index(drop=True)
            results.append(StepResult(after, [], rows, Decisions(kept=kept)))
        return after, results


def _first_alarm(update: MonitorUpdate) -> date | None:
    """The first session of an alarm that makes a training due."""
    if not update.moved:
        return None
    raised = update.observed["session"][update.observed["alarm"]]
    return raised.min().astype("datetime64[D]").item() if len(raised) else None


class _Behind:
    """The states at sessions of which some ticker is forecast later, because its prices came late."""

    def __init__(self, due: list[DueSession]) -> None:
        self._late = {each.session for each in due if each.known > each.session}
        self._states: dict[date, State] = {}
        self._last = date.min

    def is_ahead(self, due: DueSession) -> bool:
        """Whether the walk has not passed a session yet, and none of its tickers is forecast late."""
        return due.session > self._last and due.session not in self._late

    def remember(self, due: DueSession, state: State) -> None:
        self._last = max(self._last, due.session)
        if due.session in self._late:
            self._states[due.session] = state

    def state_at(self, due: DueSession, state: State) -> State:
        """The state at a session; that after the sessions before it, unless the walk has passed it."""
        if due.session > self._last:
            return state
        return self._states.get(due.session, state)


def _merged(state: State, late: StepResult) -> State:
    """The state with what a late session made of tickers that have no newer model."""
    tickers, last = dict(state.tickers), dict(state.last_trained)
    for model in late.models:
        if model.ticker is None or model.status == "rejected":
            continue
        present = tickers.get(model.ticker)
        if present is None or present.trained_through < model.trained_through:
            tickers[model.ticker] = model
        last[model.ticker] = max(model.trained_through, last.get(model.ticker, date.min))
    monitors = replace(state.monitors, pending=with_pending(state.monitors.pending, late.forecasts))
    return replace(state, tickers=tickers, last_trained=last, monitors=monitors)
