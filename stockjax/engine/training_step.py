"""The part of a step that trains: which models are due, their training, and which are used."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

from stockjax.engine.decisions import StepLog, base_message, log_rejected
from stockjax.engine.policy import Policy
from stockjax.engine.session_data import SessionData
from stockjax.engine.state import BASE, CHALLENGER, State
from stockjax.forecasting.promotion_gate import decide_first_base
from stockjax.forecasting.ticker_training import TickerTraining
from stockjax.forecasting.training import (
    base_became_trainable,
    decide_base,
    train_base_model,
    with_min_history,
)
from stockjax.registry import Model
from stockjax.settings import TrainingSettings
from stockjax.training.compilation import tickers_per_program

TrainAll = Callable[[list[str], TickerTraining], dict[str, Model | Exception]]
"""Runs the training of each ticker, and returns the model or the error of each."""


TrainBase = Callable[[Callable[[], Model]], Model]
"""Runs the training of the base."""


def train_in_threads(workers: int) -> TrainAll:
    """Train several tickers at once, in threads of this process; one ticker stops no other."""

    def train_all(tickers: list[str], train: TickerTraining) -> dict[str, Model | Exception]:
        group = tickers_per_program()
        with ThreadPoolExecutor(workers) as pool:
            batches = [tickers[start : start + group] for start in range(0, len(tickers), group)]
            running = [pool.submit(train.many, batch, group) for batch in batches]
        return {ticker: made for future in running for ticker, made in future.result().items()}

    return train_all


def train_models(data: SessionData, state: State, policy: Policy) -> tuple[State, dict[str, str]]:
    """The part of a step that trains: the state with the models to use, and by ticker what went wrong."""
    log = StepLog()
    state, _ = train_due(data, state, policy, log)
    return state, log.problems


def train_due(
    data: SessionData,
    state: State,
    policy: Policy,
    log: StepLog,
    train_all: TrainAll | None = None,
    train_base: TrainBase = lambda train: train(),
) -> tuple[State, list[Model]]:
    """Train the models that are due.

    Returns
    -------
    The state with the models to use, and the new models, a base first.

    """
    state = _drop_unusable(data, state, policy, log)
    state, new_base = _renew_base(data, state, policy, log, train_base)
    trained = _train_tickers(data, state, policy, log, train_all or train_in_threads(policy.workers))
    return _with_trained(state, trained), [*([new_base] if new_base else []), *trained]


def _drop_unusable(data: SessionData, state: State, policy: Policy, log: StepLog) -> State:
    """Name the champions that are damaged or too old, and go on without them."""
    known = dict(state.unusable)
    state, expired = policy.without_expired(state, data.as_of, data.exchanges)
    for name, problem in {**known, **expired}.items():
        of_ticker = name not in {BASE, CHALLENGER}
        log.problem(name or "base", f"{problem}, forecast from the base" if of_ticker else problem)
    return state


def _renew_base(
    data: SessionData, state: State, policy: Policy, log: StepLog, run: TrainBase
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
    message = base_message(fresh)
    trained = {**state.last_trained, BASE: data.as_of}
    if fresh.status == "rejected":
        instead = f"{base.model_id} stays" if base else "it did not learn; tickers are forecast by har"
        log.lines.append(f"{message}: rejected, {instead}")
        return replace(state, base_rejected=data.as_of, last_trained=trained), fresh
    log.lines.append(message)
    return replace(state, base=fresh, last_trained=trained), fresh


def _train_tickers(
    data: SessionData, state: State, policy: Policy, log: StepLog, train_all: TrainAll
) -> list[Model]:
    """Train the tickers that are due; the models with their status, accepted or rejected."""
    base = state.base
    if base is None:
        return []
    training = training_of(base, policy)
    long_enough = with_min_history(data.asof, data.due, policy.training_sessions)
    due = policy.tickers_due(state, data.as_of, long_enough, data.exchanges)

    train = TickerTraining(
        asof=data.asof,
        base=base,
        champions={ticker: state.tickers[ticker] for ticker in due if ticker in state.tickers},
        training=training,
        seed=policy.seed,
        retrain=policy.retrain,
    )
    found = train_all(due, train)
    models = []
    for ticker in due:
        made = found[ticker]
        if isinstance(made, Model):
            models.append(made)
        else:
            log.problem(ticker, f"training failed ({made}), forecast from the model before it")
    log_rejected(models, log)
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
