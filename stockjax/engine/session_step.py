"""One session: update the monitors, choose the models, train what is due, forecast."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from stockjax.engine.decisions import Decisions, StepLog, losses_text
from stockjax.engine.drift_monitors import MonitorUpdate, update_monitors
from stockjax.engine.drift_outcomes import no_pending, with_pending
from stockjax.engine.policy import Policy
from stockjax.engine.session_data import SessionData
from stockjax.engine.session_forecasts import forecast_session
from stockjax.engine.state import BASE, CHALLENGER, State
from stockjax.engine.training_step import TrainAll, TrainBase, train_due
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.training import base_became_trainable, decide_base
from stockjax.registry import Model
from stockjax.sessions import Exchange


@dataclass(frozen=True)
class StepResult:
    """The state after a session, and what it made.

    Attributes
    ----------
    models
        New models, a base first.
    forecasts
        Rows of the ledger, columns from `ticker` to `data_hash`, and `fallback`.

    """

    state: State
    models: list[Model]
    forecasts: pd.DataFrame
    decisions: Decisions


def step(
    data: SessionData,
    state: State,
    policy: Policy,
    train_all: TrainAll | None = None,
    train_base: TrainBase = lambda train: train(),
) -> StepResult:
    """Do what is due at the close of a session, and forecast the next one.

    Nothing is read or written: the same arguments give the same bits.

    Parameters
    ----------
    state
        What the session before has left.
    train_all, train_base
        How trainings are run; by default here, in `policy.workers` threads.

    """
    log = StepLog()
    state, drift = _observe(data, state, policy)
    state, challenger = _compare_challenger(data, state, policy, log)
    state, made = train_due(data, state, policy, log, train_all, train_base)
    trained = [model for model in made if model.role == "ticker"]
    skipped = set(state.unusable) - {BASE, CHALLENGER}
    models = {
        ticker: state.base if ticker in skipped else state.tickers.get(ticker, state.base)
        for ticker in data.due
    }
    forecasts = forecast_session(
        data.asof, data.due, models, state.base, data.exchanges, data.origins, policy.training_sessions
    )
    for name, problem in forecasts.problems.items():
        log.problem(name, problem)
    pending = with_pending(state.monitors.pending, forecasts.rows) if policy.drift.watch else no_pending()
    monitors = replace(state.monitors, pending=pending)
    decisions = Decisions(
        challenger=challenger,
        trained=tuple(str(model.ticker) for model in trained),
        promoted=tuple(str(model.ticker) for model in trained if model.status != "rejected"),
        rejected=tuple(str(model.ticker) for model in trained if model.status == "rejected"),
        kept=sum(
            model is not None and model.role == "ticker" and model not in trained for model in models.values()
        ),
        fallbacks=forecasts.fallbacks,
        problems=log.problems,
        lines=tuple(log.lines),
        drift=drift,
    )
    return StepResult(replace(state, monitors=monitors, unusable={}), made, forecasts.rows, decisions)


def is_quiet(
    state: State,
    policy: Policy,
    as_of: date,
    asof: AsOfData,
    due: Iterable[str],
    exchanges: Mapping[str, Exchange],
) -> bool:
    """Whether a session would compare, drop and train nothing unless an alarm of drift asks for it.

    Parameters
    ----------
    asof
        Prices of the tickers at the session, or at a later one.

    """
    if state.challenger or state.unusable or state.base is None:
        return False
    if policy.without_expired(state, as_of, exchanges)[1]:
        return False
    if policy.base_is_due(state, as_of, trainable=base_became_trainable(state.base, asof, policy.training)):
        return False
    history = asof.history
    lengths = dict(zip(history.tickers, history.lengths_at(as_of).tolist(), strict=True))
    long_enough = [ticker for ticker in due if lengths.get(ticker, 0) >= policy.training_sessions]
    return not policy.tickers_due(state, as_of, long_enough, exchanges)


def _observe(data: SessionData, state: State, policy: Policy) -> tuple[State, MonitorUpdate]:
    usable = data.asof.history
    monitors, update = update_monitors(
        state.monitors,
        data.prices,
        usable if data.watched is None else usable.only(data.watched),
        data.as_of,
        policy.drift,
        policy.band,
        watch_inputs=policy.watch_inputs,
    )
    return replace(state, monitors=monitors), update


def _compare_challenger(
    data: SessionData, state: State, policy: Policy, log: StepLog
) -> tuple[State, Model | None]:
    """Compare the base of a search with the champion; the better one is used from now on."""
    if state.challenger is None or state.base is None:
        return state, None
    compared = decide_base(state.challenger, state.base, data.asof, policy.base_tolerance)
    won = compared.status != "rejected"
    end = "takes over" if won else f"rejected, {state.base.model_id} stays"
    log.lines.append(f"challenger {compared.model_id}, loss {losses_text(compared)}: {end}")
    promoted = replace(compared, activated_on=data.as_of, status="champion")
    return replace(state, challenger=None, base=promoted if won else state.base), compared
