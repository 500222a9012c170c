"""Forecasting from one session: champions, base, tickers, ledger."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from stockjax.code_version import code_version
from stockjax.errors import ModelFileError
from stockjax.forecasting.gate import admitted
from stockjax.forecasting.inputs import forecast_inputs
from stockjax.forecasting.knowledge import Knowledge
from stockjax.forecasting.plan import Origin
from stockjax.forecasting.rows import forecast_rows
from stockjax.forecasting.training import (
    could_learn,
    judge_base,
    train_base_model,
    train_ticker_model,
    train_tickers,
    with_sessions,
)
from stockjax.nightly.drift import Drifted
from stockjax.registry import (
    Champions,
    Model,
    Status,
    load_challenger,
    load_champions,
    save_models,
    settle_challenger,
)
from stockjax.sessions import Exchange
from stockjax.settings import Settings, TrainingSettings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.inputs import ForecastInputs
from stockjax.warehouse.ledger import append_forecasts

Say = Callable[[str], None]

BASE_AGAIN_AFTER = 21
"""Sessions after which a base is trained again whose successor was rejected."""
MOST_NAMED = 10
"""Rejected tickers that are named in the log; `models` has them all."""


@dataclass(frozen=True)
class Store:
    """Where a run keeps its models and forecasts, under its name."""

    warehouse: Warehouse
    run_id: str

    def models(
        self,
        models: Iterable[Model],
        what: str,
        *,
        replayed: bool = False,
        status: Status = "champion",
    ) -> None:
        """Keep models, those of a replay as retired ones; `what` names their files.

        A rejected one stays what it is.
        """
        given: Status = "retired" if replayed else status
        save_models(
            self.warehouse,
            [
                replace(model, status="rejected" if model.status == "rejected" else given, replayed=replayed)
                for model in models
            ],
            batch=f"{what}-{self.run_id[:8]}",
            run_id=self.run_id,
            moment=datetime.now(UTC),
        )

    def forecasts(self, rows: pd.DataFrame, inputs: ForecastInputs) -> int:
        """Append to the ledger, with what they were made from; returns how many rows were new."""
        return append_forecasts(
            self.warehouse,
            rows,
            code_version=code_version(),
            run_id=self.run_id,
            moment=datetime.now(UTC),
            inputs=inputs,
        )


@dataclass(frozen=True)
class Session:
    """What is done at the close of one session, tonight's or one that was missed.

    Attributes
    ----------
    knowledge
        Prices and features of all tickers that can be forecast, cut at the session.
    read_at
        When these prices were read, aware.
    due
        Tickers that are to be forecast.
    exchanges, origins
        By ticker: its calendar, and whether the forecast is in time.
    drifted
        What alarms make due for training before its time.
    problems
        Filled as the session goes: by ticker ('base' for the base), what had to be done without.

    """

    as_of: date
    knowledge: Knowledge
    read_at: datetime
    due: list[str]
    exchanges: Mapping[str, Exchange]
    origins: Mapping[str, Origin]
    settings: Settings
    store: Store
    say: Say
    drifted: Drifted = field(default_factory=Drifted)
    problems: dict[str, str] = field(default_factory=dict)

    def champions(self) -> Champions:
        """Load the models in force; those that are damaged or too old are named and passed over.

        A base that a search has found first meets the one in force.
        """
        found = load_champions(self.store.warehouse, self.due, self.as_of)
        if found.base and self._challenge(found.base):
            found = load_champions(self.store.warehouse, self.due, self.as_of)
        base, every = found.base, self.settings.retrain
        problems = dict(found.problems)
        if base and (age := self._age(base, self.due[0])) > every.base_expiry:
            problems[""] = f"the base {base.model_id} is {age} sessions old and passed over"
            base = None
        kept = dict(found.tickers)
        for ticker, model in found.tickers.items():
            if (age := self._age(model, ticker)) > every.ticker_expiry:
                problems[ticker] = f"its model {model.model_id} is {age} sessions old and passed over"
                del kept[ticker]
        for ticker, problem in problems.items():
            told = f"{problem}, forecast from the base" if ticker else problem
            self._note(ticker or "base", told)
        return replace(found, base=base, tickers=kept, problems=problems)

    def _challenge(self, base: Model) -> bool:
        """Have the newest challenger meet the base in force; whether it takes over."""
        try:
            challenger = load_challenger(self.store.warehouse, self.as_of)
        except ModelFileError as error:
            self._note("challenger", str(error))
            return False
        if challenger is None:
            return False
        judged = judge_base(challenger, base, self.knowledge, self.settings.retrain.base_tolerance)
        settle_challenger(self.store.warehouse, judged, run_id=self.store.run_id, moment=datetime.now(UTC))
        won = judged.status != "rejected"
        end = "takes over" if won else f"rejected, {base.model_id} stays"
        self.say(f"challenger {judged.model_id}, loss {_losses(judged)}: {end}")
        return won

    def settings_of(self, base: Model) -> Settings:
        """The settings with the recipe of the base: a search's goes on with all that grows from it."""
        if not {"search", "searched"} & base.hyperparameters.keys():
            return self.settings
        told = {name: base.hyperparameters[name] for name in TrainingSettings.model_fields}
        return self.settings.model_copy(update={"training": TrainingSettings(**told)})

    def train_base(self, champions: Champions) -> Model | None:
        """The base in force, trained anew when its time has come; None if there is none and none came out."""
        base = champions.base
        if base and not self._base_is_due(base, champions.base_rejected):
            return base
        settings = self.settings_of(base) if base else self.settings
        try:
            fresh = train_base_model(self.knowledge, settings.training, settings.seed, settings.worker_count)
        except Exception as error:
            instead = "the one before it stays" if base else "tickers without a model are forecast by har"
            self._note("base", f"training failed ({error}), {instead}")
            return base
        if base:
            fresh = _with_its_study(fresh, base)
            fresh = judge_base(fresh, base, self.knowledge, self.settings.retrain.base_tolerance)
        self.store.models([fresh], f"{self.as_of}-base")
        steps = fresh.hyperparameters["stopped_at"]
        told = (
            f"base trained for {steps} steps, loss {_losses(fresh)}"
            if steps
            else "base left untrained: the random walk with EWMA volatility"
        )
        if base and fresh.status == "rejected":
            self.say(f"{told}: rejected, {base.model_id} stays")
            return base
        self.say(told)
        return fresh

    def _base_is_due(self, base: Model, rejected: date | None) -> bool:
        """Whether to train a base tonight.

        Not in the place of one that somebody has just put in force, nor soon after a rejection.
        """
        exchange = self.exchanges[self.due[0]]
        if self._was_just_put(base, self.due[0]):
            return False
        if rejected and len(exchange.sessions(rejected, self.as_of)) <= BASE_AGAIN_AFTER:
            return False
        if self.drifted.base or could_learn(base, self.knowledge, self.settings.training):
            return True
        return self._age(base, self.due[0]) >= self.settings.retrain.base_every

    def to_train(self, champions: Champions) -> list[str]:
        """Tickers with history enough whose time for training has come."""
        every = self.settings.retrain.ticker_every
        self.knowledge.features  # noqa: B018  computed once, before tasks share it
        return [
            ticker
            for ticker in with_sessions(self.knowledge, self.due, self.settings.history.training_sessions)
            if ticker not in champions.tickers
            or self._age(champions.tickers[ticker], ticker) >= every
            or (ticker in self.drifted.tickers and not self._was_just_put(champions.tickers[ticker], ticker))
        ]

    def train_ticker(self, ticker: str, base: Model, champions: Champions) -> Model:
        """Train or retrain one ticker."""
        settings = self.settings_of(base)
        return train_ticker_model(
            self.knowledge,
            ticker,
            base,
            champions.tickers.get(ticker),
            settings.training,
            settings.seed,
            settings.retrain,
        )

    def forecast(self, base: Model | None, champions: Champions, trained: Iterable[Model]) -> int:
        """Keep the new models and write the forecasts of all models into the ledger.

        Whose champion had to be passed over is forecast from the base tonight, whatever was trained:
        that has met no champion, and takes over on the next night.
        """
        fresh = list(trained)
        self.store.models(fresh, f"{self.as_of}-tickers")
        self._tell_rejected(fresh)
        in_force = {**champions.tickers, **admitted(fresh)}
        models = [base if ticker in champions.problems else in_force.get(ticker, base) for ticker in self.due]
        history = self.knowledge.history
        rows = np.array([history.tickers.index(ticker) for ticker in self.due], dtype=np.int64)
        table = forecast_rows(
            history,
            self.knowledge.features,
            rows,
            history.lengths[rows] - 1,
            models,
            self.exchanges,
            self.origins,
            self._fallbacks(models),
        )
        written = self.store.forecasts(table, forecast_inputs(history, self.read_at, self.as_of))
        self.say(f"{written} forecasts written from {self.as_of}")
        return written

    def _fallbacks(self, models: Iterable[Model | None]) -> dict[str, str]:
        """What forecasts in the place of a ticker's own model, where history enough for one is there."""
        own = set(with_sessions(self.knowledge, self.due, self.settings.history.training_sessions))
        found = {}
        for ticker, model in zip(self.due, models, strict=True):
            if model is None:
                found[ticker] = "har"
            elif model.role == "base" and ticker in own:
                found[ticker] = "base"
        return found

    def _tell_rejected(self, fresh: Iterable[Model]) -> None:
        rejected = [f"{model.ticker} ({_losses(model)})" for model in fresh if model.status == "rejected"]
        if rejected:
            named = ", ".join(rejected[:MOST_NAMED]) + (", …" if len(rejected) > MOST_NAMED else "")
            self.say(f"{len(rejected)} new models rejected, their champions stay: {named}")

    def _note(self, name: str, problem: str) -> None:
        self.problems[name] = problem
        self.say(problem if name == "base" else f"{name}: {problem}")

    def catch_up(self) -> int:
        """All of it at once, as a night would have done it."""
        champions = self.champions()
        base = self.train_base(champions)
        due = self.to_train(champions) if base else []
        trained: list[Model] = []
        if base:
            settings = self.settings_of(base)
            trained, failures = train_tickers(self.knowledge, due, base, champions.tickers, settings)
            for ticker, failure in failures.items():
                told = f"training at {self.as_of} failed ({failure})"
                self.say(f"{ticker}: {told}, forecast from the model before it")
        return self.forecast(base, champions, trained)

    def _age(self, model: Model, ticker: str) -> int:
        """Sessions of a ticker's exchange since a model last saw prices, or was put in force.

        Who was put in force by somebody forecasts once at least before anything is trained in its place.
        """
        exchange, seen = self.exchanges[ticker], model.trained_through
        if model.put_in_force:
            return max(len(exchange.sessions(model.put_in_force, self.as_of)) - 1, 0)
        return len(exchange.sessions(seen, self.as_of)) - exchange.is_session(seen)

    def _was_just_put(self, model: Model, ticker: str) -> bool:
        """Whether somebody has put it in force, and tonight's is the first forecast since."""
        return model.put_in_force is not None and self._age(model, ticker) == 0


def _with_its_study(fresh: Model, base: Model) -> Model:
    """A base that was trained by the recipe of a search says so."""
    search = base.hyperparameters.get("search")
    study = search["study"] if search else base.hyperparameters.get("searched")
    if study is None:
        return fresh
    return replace(fresh, hyperparameters={**fresh.hyperparameters, "searched": study})


def _losses(model: Model) -> str:
    """Its loss on the sessions that nobody has seen, and that of the one it was judged against."""
    told = f"{model.validation_loss:.4f}"
    return told if model.champion_loss is None else f"{told} against {model.champion_loss:.4f}"
