"""One night, step by step: what the flow's tasks call, each step a sentence.

A night may be cut off after any step and begun again: every step asks the warehouse what is
there already and does only the rest.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from stockjax.code_version import code_version
from stockjax.features import History
from stockjax.forecasting.plan import make_plan
from stockjax.forecasting.replay import missing_sessions, replay
from stockjax.forecasting.rows import MODELS, forecast_rows
from stockjax.forecasting.training import Knowledge, train_base_model, train_ticker_model
from stockjax.forecasting.universe import TickerState, states_table, ticker_states
from stockjax.quality import Checked, check
from stockjax.registry import Champions, Model, Status, load_champions, save_models
from stockjax.reporting.report import write_report
from stockjax.scoring import refresh_rolling_metrics
from stockjax.sessions import exchange
from stockjax.settings import Settings
from stockjax.sources import Delivery, open_source
from stockjax.training.programs import use_compilation_cache
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts, complete_forecasts
from stockjax.warehouse.prices import last_stored_session, read_history, store_prices
from stockjax.warehouse.records import finish_run, replace_tickers, start_run

Say = Callable[[str], None]


@dataclass(frozen=True)
class Universe:
    """What is known tonight and who can be forecast.

    Attributes
    ----------
    knowledge
        Prices and features of the tickers that can be forecast, cut at tonight.
    states
        One per ticker that was asked for.
    due
        Tickers whose forecasts for tonight are not all in the ledger yet.

    """

    knowledge: Knowledge
    states: list[TickerState]
    due: list[str]


@dataclass(frozen=True)
class Outcome:
    """How a night ended.

    Attributes
    ----------
    failures
        Why, for every ticker without a forecast or with one that is not as it should be.

    """

    as_of: date
    target: date
    asked: int
    forecast: int
    failures: dict[str, str]
    report: Path

    @property
    def message(self) -> str:
        """One sentence for the run's end state."""
        told = f"{self.forecast} of {self.asked} tickers forecast for {self.target}"
        if self.failures:
            told += "; " + "; ".join(f"{ticker}: {why}" for ticker, why in sorted(self.failures.items()))
        return told

    def summary(self) -> dict[str, object]:
        """The same in plain values, for the run's row and for whoever started it."""
        return {
            "asked": self.asked,
            "forecast": self.forecast,
            "failures": self.failures,
            "report": str(self.report),
        }


class Night:
    """The settings, the places and the plan of one run.

    Parameters
    ----------
    say
        Receives one line for each thing that matters.

    Raises
    ------
    UsageError
        The session or the tickers asked for make no sense.

    """

    def __init__(self, settings: Settings, as_of: date | None, flow_run_id: str | None, say: Say) -> None:
        self.settings = settings
        self.warehouse = Warehouse(settings.warehouse, settings.lock_timeout)
        self.source = open_source(settings)
        self.plan = make_plan(self.source, settings.tickers, exchange(settings.exchange), as_of)
        self._flow_run_id = flow_run_id
        self._say = say
        self._in_the_past = False

    def open(self) -> None:
        """Bring the warehouse up to date and note that the run has begun."""
        use_compilation_cache(self.settings.cache)
        self.warehouse.migrate()
        newest = last_stored_session(self.warehouse)
        self._in_the_past = newest is not None and newest > self.plan.as_of
        if self._in_the_past:
            # The outcome may be known here already: such a forecast never counts as a live one.
            self.plan = replace(self.plan, origin="catchup")
        start_run(
            self.warehouse,
            run_id=self.plan.run_id,
            flow_run_id=self._flow_run_id,
            flow="forecast",
            as_of=self.plan.as_of,
            moment=self.plan.started_at,
            code_version=code_version(),
        )
        self._say(
            f"{len(self.plan.tickers)} tickers from '{self.plan.source}', as of {self.plan.as_of}, "
            f"for {self.plan.target} ({self.plan.origin})"
        )

    def fetch(self) -> Delivery:
        """Get the prices up to tonight."""
        delivery = self.source.fetch(self.plan.tickers, self.plan.as_of)
        for failure in delivery.failures.values():
            self._say(str(failure))
        return delivery

    def check(self, delivery: Delivery) -> Checked:
        """Hold them against the contract and the calendar."""
        return check(delivery.prices, self.plan.exchange)

    def store(self, checked: Checked) -> dict[str, int]:
        """Put good rows into the warehouse and the others into quarantine."""
        counts = store_prices(
            self.warehouse,
            checked.accepted,
            checked.refused,
            source=self.plan.source,
            run_id=self.plan.run_id,
            moment=datetime.now(UTC),
        )
        self._say(", ".join(f"{count} rows {what}" for what, count in counts.items()))
        return counts

    def survey(self, failures: Mapping[str, Exception]) -> Universe:
        """See who can be forecast, and write the state of every ticker down."""
        plan = self.plan
        columns = read_history(self.warehouse, plan.tickers, plan.as_of)
        history = History.from_columns(columns, plan.tickers)
        states = ticker_states(history, plan.as_of, failures, self.settings.history)
        if not self._in_the_past:
            self._write_states(states)
        usable = [state.ticker for state in states if state.can_forecast]
        done = complete_forecasts(self.warehouse, usable, plan.as_of, plan.as_of, len(MODELS))
        due = [ticker for ticker in usable if ticker not in done]
        for state in states:
            if state.reason:
                self._say(f"{state.ticker}: {state.state}, {state.reason}")
        return Universe(Knowledge(history.only(usable), plan.as_of), states, due)

    def replay(self, universe: Universe) -> int:
        """Forecast the sessions before tonight that nobody has forecast, walking forward."""
        history = universe.knowledge.history
        count = self.settings.replay.sessions
        if not count or not universe.due:
            return 0
        first = history.sessions[history.valid].min().item()
        complete = complete_forecasts(self.warehouse, universe.due, first, self.plan.as_of, len(MODELS))
        needed = self.settings.history.forecast_sessions
        missing = missing_sessions(history, complete, self.plan.as_of, count, needed)
        missing = {ticker: missing[ticker] for ticker in universe.due}
        written = 0
        for part in replay(history, missing, self.plan.exchange, self.settings):
            self._save(part.models, f"replay-{part.sessions[0]}", status="retired")
            written += self._append(part.rows) if len(part.rows) else 0
            self._say(f"replayed {part.sessions[0]} to {part.sessions[-1]}: {len(part.rows)} forecasts")
        return written

    def champions(self, universe: Universe) -> Champions:
        """Load the models in force."""
        champions = load_champions(self.warehouse, universe.due, self.plan.as_of)
        for problem in champions.problems.values():
            self._say(problem)
        return champions

    def train_base(self, universe: Universe, champions: Champions) -> Model:
        """The base in force, trained anew when its time has come."""
        base = champions.base
        if base and self._age(base) < self.settings.retrain.base_every:
            return base
        base = train_base_model(
            universe.knowledge,
            self.settings.training,
            self.settings.seed,
            self.settings.worker_count,
        )
        self._save([base], "base")
        self._say(
            f"base trained for {base.hyperparameters['stopped_at']} steps, "
            f"held-out loss {base.validation_loss:.4f}"
        )
        return base

    def to_train(self, universe: Universe, champions: Champions) -> list[str]:
        """Tickers with history enough whose time for training has come."""
        lengths = dict(
            zip(universe.knowledge.history.tickers, universe.knowledge.history.lengths, strict=True)
        )
        every = self.settings.retrain.ticker_every
        universe.knowledge.features  # noqa: B018  computed once, before tasks share it
        return [
            ticker
            for ticker in universe.due
            if lengths[ticker] >= self.settings.history.training_sessions
            and (ticker not in champions.tickers or self._age(champions.tickers[ticker]) >= every)
        ]

    def train_ticker(self, universe: Universe, ticker: str, base: Model, champions: Champions) -> Model:
        """Train or retrain one ticker."""
        return train_ticker_model(
            universe.knowledge,
            ticker,
            base,
            champions.tickers.get(ticker),
            self.settings.training,
            self.settings.seed,
        )

    def forecast(
        self, universe: Universe, base: Model, champions: Champions, trained: Iterable[Model]
    ) -> int:
        """Keep the new models and write tonight's forecasts of all models into the ledger."""
        fresh = list(trained)
        self._save(fresh, "tickers")
        in_force = {**champions.tickers, **{str(model.ticker): model for model in fresh}}
        history = universe.knowledge.history
        rows = np.array([history.tickers.index(ticker) for ticker in universe.due], dtype=np.int64)
        if not len(rows):
            self._say("every forecast of this session is in the ledger already")
            return 0
        table = forecast_rows(
            history,
            universe.knowledge.features,
            rows,
            history.lengths[rows] - 1,
            [in_force.get(ticker, base) for ticker in universe.due],
            self.plan.exchange,
            self.plan.origin,
        )
        written = self._append(table)
        self._say(f"{written} forecasts written for {self.plan.target}")
        return written

    def score(self) -> int:
        """Bring the rolling errors up to date."""
        return refresh_rolling_metrics(self.warehouse)

    def report(self) -> Path:
        """Write the HTML report."""
        page = write_report(self.warehouse, self.plan.as_of, self.plan.tickers)
        self._say(f"report: {page}")
        return page

    def outcome(self, universe: Universe, failures: Mapping[str, str], report: Path) -> Outcome:
        """Count what came of it."""
        forecast = complete_forecasts(
            self.warehouse, self.plan.tickers, self.plan.as_of, self.plan.as_of, len(MODELS)
        )
        without = {s.ticker: f"{s.state}, {s.reason}" for s in universe.states if not s.can_forecast}
        return Outcome(
            as_of=self.plan.as_of,
            target=self.plan.target,
            asked=len(self.plan.tickers),
            forecast=len(forecast),
            failures={**without, **failures},
            report=report,
        )

    def close(self, status: str, counts: Mapping[str, object]) -> None:
        """Note how the run ended."""
        finish_run(
            self.warehouse,
            run_id=self.plan.run_id,
            status=status,
            counts=counts,
            moment=datetime.now(UTC),
        )

    def _age(self, model: Model) -> int:
        """Sessions since a model last saw prices."""
        return len(self.plan.exchange.sessions(model.trained_through, self.plan.as_of)) - 1

    def _write_states(self, states: list[TickerState]) -> None:
        replace_tickers(
            self.warehouse,
            states_table(states, self.plan.exchange.code),
            run_id=self.plan.run_id,
            moment=datetime.now(UTC),
        )

    def _append(self, rows: pd.DataFrame) -> int:
        return append_forecasts(
            self.warehouse,
            rows,
            code_version=code_version(),
            run_id=self.plan.run_id,
            moment=datetime.now(UTC),
        )

    def _save(self, models: list[Model], what: str, status: Status = "champion") -> None:
        kept = [replace(model, status=status) for model in models]
        save_models(
            self.warehouse,
            kept,
            batch=f"{self.plan.as_of}-{self.plan.run_id[:8]}-{what}",
            run_id=self.plan.run_id,
            moment=datetime.now(UTC),
        )
