"""One session: update the monitors, choose the models, train what is due, forecast."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from stockjax.engine.drift_monitors import MonitorUpdate, no_pending, update_monitors, with_pending
from stockjax.engine.policy import Policy
from stockjax.engine.session_forecasts import forecast_session
from stockjax.engine.state import BASE, CHALLENGER, State
from stockjax.features import PricePanel
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.plan import Origin
from stockjax.forecasting.promotion_gate import decide_first_base
from stockjax.forecasting.training import (
    base_became_trainable,
    decide_base,
    train_base_model,
    train_ticker_model,
    with_min_history,
)
from stockjax.registry import Model
from stockjax.sessions import Exchange
from stockjax.settings import TrainingSettings

MAX_NAMED = 10
"""Tickers that a line of the log names; the tables have all of them."""

Train = Callable[[str], Model]
TrainAll = Callable[[list[str], Train], dict[str, Model | Exception]]
"""Runs the training of each ticker, and returns the model or the error of each."""
TrainBase = Callable[[Callable[[], Model]], Model]
"""Runs the training of the base."""


@dataclass(frozen=True)
class SessionData:
    """What is known at the close of a session, and which forecasts are wanted.

    Attributes
    ----------
    asof
        Prices and features of the tickers that can be forecast from the session.
    prices
        Prices of all tickers up to the session: outcomes of earlier forecasts.
    due
        Tickers to forecast, all of them in `asof`.
    exchanges, origins
        By ticker: its calendar, and the origin of its forecast.
    watched
        Tickers whose inputs are monitored; None for all in `asof`.

    """

    asof: AsOfData
    prices: PricePanel
    due: tuple[str, ...]
    exchanges: Mapping[str, Exchange]
    origins: Mapping[str, Origin]
    watched: tuple[str, ...] | None = None

    @property
    def as_of(self) -> date:
        """The session."""
        return self.asof.as_of


@dataclass(frozen=True)
class Decisions:
    """What a session decided, for its log and for the tables.

    Attributes
    ----------
    challenger
        The base of a search with the result of its comparison; None without one.
    trained, promoted, rejected
        Tickers whose models were trained; those that are used from now on; those that are not.
    kept
        How many tickers are forecast by a model of an earlier session.
    fallbacks
        By ticker, what forecasts instead of its own model: base or har.
    problems
        By ticker ('base' for the base), what was wrong.
    lines
        Sentences for the log, in the order of what happened.
    drift
        What the monitors have observed.

    """

    challenger: Model | None = None
    trained: tuple[str, ...] = ()
    promoted: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    kept: int = 0
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    drift: MonitorUpdate = field(default_factory=MonitorUpdate)

    def summary(self, seconds: float | None = None) -> str:
        """One line: how many were trained, promoted, rejected, kept or fell back, and the first names."""
        counts = [
            f"{len(self.trained)} trained",
            f"{len(self.promoted)} promoted",
            f"{len(self.rejected)} rejected{_named(self.rejected)}",
            f"{self.kept} kept",
            f"{len(self.fallbacks)} by base or har{_named(self.fallbacks)}",
        ]
        took = "" if seconds is None else f" in {seconds:.1f} s"
        return f"models{took}: {', '.join(counts)}"


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


def train_in_threads(workers: int) -> TrainAll:
    """Train several tickers at once, in threads of this process; one ticker stops no other."""

    def train_all(tickers: list[str], train: Train) -> dict[str, Model | Exception]:
        with ThreadPoolExecutor(workers) as pool:
            running = {ticker: pool.submit(train, ticker) for ticker in tickers}
        found: dict[str, Model | Exception] = {}
        for ticker, future in running.items():
            error = future.exception()
            if error and not isinstance(error, Exception):
                raise error
            found[ticker] = error if isinstance(error, Exception) else future.result()
        return found

    return train_all


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
    log = _Log()
    state, drift = _observe(data, state, policy)
    state, challenger = _compare_challenger(data, state, policy, log)
    state, made = _train(data, state, policy, log, train_all, train_base)
    trained = [model for model in made if model.role == "ticker"]
    passed_over = set(state.unusable) - {BASE, CHALLENGER}
    models = {
        ticker: state.base if ticker in passed_over else state.tickers.get(ticker, state.base)
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


def train_models(data: SessionData, state: State, policy: Policy) -> tuple[State, dict[str, str]]:
    """The part of a step that trains: the state with the models to use, and by ticker what went wrong."""
    log = _Log()
    state, _ = _train(data, state, policy, log)
    return state, log.problems


@dataclass
class _Log:
    lines: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    def problem(self, name: str, sentence: str) -> None:
        self.problems[name] = sentence
        self.lines.append(sentence if name == "base" else f"{name}: {sentence}")


def _train(
    data: SessionData,
    state: State,
    policy: Policy,
    log: _Log,
    train_all: TrainAll | None = None,
    train_base: TrainBase = lambda train: train(),
) -> tuple[State, list[Model]]:
    """Train what is due; the state with the models to use, and the new models, a base first."""
    state = _drop_unusable(data, state, policy, log)
    state, new_base = _renew_base(data, state, policy, log, train_base)
    trained = _train_tickers(data, state, policy, log, train_all or train_in_threads(policy.workers))
    return _with_trained(state, trained), [*([new_base] if new_base else []), *trained]


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
    data: SessionData, state: State, policy: Policy, log: _Log
) -> tuple[State, Model | None]:
    """Compare the base of a search with the champion; the better one is used from now on."""
    if state.challenger is None or state.base is None:
        return state, None
    compared = decide_base(state.challenger, state.base, data.asof, policy.base_tolerance)
    won = compared.status != "rejected"
    end = "takes over" if won else f"rejected, {state.base.model_id} stays"
    log.lines.append(f"challenger {compared.model_id}, loss {_losses(compared)}: {end}")
    promoted = replace(compared, activated_on=data.as_of, status="champion")
    return replace(state, challenger=None, base=promoted if won else state.base), compared


def _drop_unusable(data: SessionData, state: State, policy: Policy, log: _Log) -> State:
    """Name the champions that are damaged or too old, and go on without them."""
    known = dict(state.unusable)
    state, expired = policy.without_expired(state, data.as_of, data.exchanges)
    for name, problem in {**known, **expired}.items():
        of_ticker = name not in {BASE, CHALLENGER}
        log.problem(name or "base", f"{problem}, forecast from the base" if of_ticker else problem)
    return state


def _renew_base(
    data: SessionData, state: State, policy: Policy, log: _Log, run: TrainBase
) -> tuple[State, Model | None]:
    """Train a base where one is due; the state with the base to use, and the new one."""
    base = state.base
    training = _recipe_of_search(base) or policy.training
    trainable = base is not None and base_became_trainable(base, data.asof, policy.training)
    if not policy.base_is_due(state, data.as_of, trainable=trainable):
        return state, None
    if base and policy.other_architecture(base):
        log.lines.append(
            f"the base {base.model_id} has another shape than training.hidden and training.seeds ask for: "
            "a new one is trained"
        )
    try:
        fresh = run(lambda: train_base_model(data.asof, training, policy.seed, policy.workers))
        if base:
            fresh = decide_base(_with_its_study(fresh, base), base, data.asof, policy.base_tolerance)
        else:
            fresh = decide_first_base(fresh, data.asof, policy.training, policy.base_tolerance)
        fresh.check_numbers()
    except Exception as error:
        instead = "the one before it stays" if base else "tickers without a model are forecast by har"
        log.problem("base", f"training failed ({error}), {instead}")
        return state, None
    message = _base_message(fresh)
    trained = {**state.last_trained, BASE: data.as_of}
    if fresh.status == "rejected":
        instead = f"{base.model_id} stays" if base else "it did not learn; tickers are forecast by har"
        log.lines.append(f"{message}: rejected, {instead}")
        return replace(state, base_rejected=data.as_of, last_trained=trained), fresh
    log.lines.append(message)
    return replace(state, base=fresh, last_trained=trained), fresh


def _train_tickers(
    data: SessionData, state: State, policy: Policy, log: _Log, train_all: TrainAll
) -> list[Model]:
    """Train the tickers that are due; the models with their status, accepted or rejected."""
    base = state.base
    if base is None:
        return []
    training = training_of(base, policy)
    long_enough = with_min_history(data.asof, data.due, policy.training_sessions)
    due = policy.tickers_due(state, data.as_of, long_enough, data.exchanges)

    def train(ticker: str) -> Model:
        champion = state.tickers.get(ticker)
        model = train_ticker_model(data.asof, ticker, base, champion, training, policy.seed, policy.retrain)
        model.check_numbers()
        return model

    found = train_all(due, train)
    models = []
    for ticker in due:
        made = found[ticker]
        if isinstance(made, Model):
            models.append(made)
        else:
            log.problem(ticker, f"training failed ({made}), forecast from the model before it")
    _log_rejected(models, log)
    return models


def training_of(base: Model, policy: Policy) -> TrainingSettings:
    """How tickers are trained: in the shape of their base, and by its recipe if a search found it."""
    found = _recipe_of_search(base)
    if found:
        return found
    shape = {name: base.hyperparameters.get(name) for name in ("hidden", "seeds")}
    known = {name: value for name, value in shape.items() if value is not None}
    return policy.training.model_copy(update=known)


def _recipe_of_search(base: Model | None) -> TrainingSettings | None:
    if base is None or not {"search", "searched"} & base.hyperparameters.keys():
        return None
    return TrainingSettings(
        **{
            name: base.hyperparameters[name]
            for name in TrainingSettings.model_fields
            if name in base.hyperparameters
        }
    )


def _with_trained(state: State, trained: Iterable[Model]) -> State:
    """A model that was trained on the past does not take over from one that has seen more."""
    tickers, last = dict(state.tickers), dict(state.last_trained)
    for model in trained:
        ticker = str(model.ticker)
        last[ticker] = max(model.trained_through, last.get(ticker, date.min))
        if model.status != "rejected":
            tickers[ticker] = model
    return replace(state, tickers=tickers, last_trained=last)


def _with_its_study(fresh: Model, base: Model) -> Model:
    """A base that was trained by the recipe of a search says so."""
    search: Mapping[str, Any] | None = base.hyperparameters.get("search")
    study = search["study"] if search else base.hyperparameters.get("searched")
    if study is None:
        return fresh
    return replace(fresh, hyperparameters={**fresh.hyperparameters, "searched": study})


def _base_message(base: Model) -> str:
    steps = base.hyperparameters["stopped_at"]
    if steps:
        return f"base trained for {steps} steps, loss {_losses(base)}"
    return "base left untrained: the random walk with EWMA volatility"


def _log_rejected(fresh: Iterable[Model], log: _Log) -> None:
    rejected = [f"{model.ticker} ({_losses(model)})" for model in fresh if model.status == "rejected"]
    if rejected:
        named = ", ".join(rejected[:MAX_NAMED]) + (", …" if len(rejected) > MAX_NAMED else "")
        log.lines.append(f"{len(rejected)} new models rejected, their champions stay: {named}")


def _losses(model: Model) -> str:
    """Its loss on the gate's sessions, and that of the model it was compared with."""
    loss = f"{model.validation_loss:.4f}"
    return loss if model.champion_loss is None else f"{loss} against {model.champion_loss:.4f}"


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    if not listed:
        return ""
    return f" ({', '.join(listed[:MAX_NAMED])}{', …' if len(listed) > MAX_NAMED else ''})"
