"""Forecasting from one session: champions, base, tickers, ledger."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from stockjax.code_version import code_version
from stockjax.forecasting.inputs import forecast_inputs
from stockjax.forecasting.plan import Origin
from stockjax.forecasting.rows import forecast_rows
from stockjax.forecasting.training import (
    Knowledge,
    could_learn,
    train_base_model,
    train_ticker_model,
    train_tickers,
    with_sessions,
)
from stockjax.nightly.drift import Drifted
from stockjax.registry import Champions, Model, Status, load_champions, save_models
from stockjax.sessions import Exchange
from stockjax.settings import Settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.inputs import ForecastInputs
from stockjax.warehouse.ledger import append_forecasts

Say = Callable[[str], None]


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
        """Keep models, those of a replay as retired ones; `what` names their files."""
        given: Status = "retired" if replayed else status
        save_models(
            self.warehouse,
            [replace(model, status=given, replayed=replayed) for model in models],
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

    def champions(self) -> Champions:
        """Load the models in force."""
        champions = load_champions(self.store.warehouse, self.due, self.as_of)
        for problem in champions.problems.values():
            self.say(problem)
        return champions

    def train_base(self, champions: Champions) -> Model:
        """The base in force, trained anew when its time has come."""
        base = champions.base
        if base and self._is_young(base):
            return base
        base = train_base_model(
            self.knowledge, self.settings.training, self.settings.seed, self.settings.worker_count
        )
        self.store.models([base], f"{self.as_of}-base")
        steps = base.hyperparameters["stopped_at"]
        self.say(
            f"base trained for {steps} steps, held-out loss {base.validation_loss:.4f}"
            if steps
            else "base left untrained: the random walk with EWMA volatility"
        )
        return base

    def _is_young(self, base: Model) -> bool:
        """Whether a base stays in force tonight."""
        outgrown = self.drifted.base or could_learn(base, self.knowledge, self.settings.training)
        young = self._age(base, self.due[0]) < self.settings.retrain.base_every
        return young and (self._was_just_put(base, self.due[0]) or not outgrown)

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
        return train_ticker_model(
            self.knowledge,
            ticker,
            base,
            champions.tickers.get(ticker),
            self.settings.training,
            self.settings.seed,
        )

    def forecast(self, base: Model, champions: Champions, trained: Iterable[Model]) -> int:
        """Keep the new models and write the forecasts of all models into the ledger."""
        fresh = list(trained)
        self.store.models(fresh, f"{self.as_of}-tickers")
        in_force = {**champions.tickers, **{str(model.ticker): model for model in fresh}}
        history = self.knowledge.history
        rows = np.array([history.tickers.index(ticker) for ticker in self.due], dtype=np.int64)
        table = forecast_rows(
            history,
            self.knowledge.features,
            rows,
            history.lengths[rows] - 1,
            [in_force.get(ticker, base) for ticker in self.due],
            self.exchanges,
            self.origins,
        )
        written = self.store.forecasts(table, forecast_inputs(history, self.read_at, self.as_of))
        self.say(f"{written} forecasts written from {self.as_of}")
        return written

    def catch_up(self) -> int:
        """All of it at once, as a night would have done it."""
        champions = self.champions()
        base = self.train_base(champions)
        trained, failures = train_tickers(
            self.knowledge, self.to_train(champions), base, champions.tickers, self.settings
        )
        for ticker, failure in failures.items():
            self.say(
                f"{ticker}: training at {self.as_of} failed ({failure}), forecast from the model before it"
            )
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
