"""What a run reads of the sessions before, and how it writes down what a session has made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pandas as pd

from stockjax.code_version import code_version
from stockjax.engine import Monitors, State, StepResult
from stockjax.engine.drift_outcomes import LOOKBACK
from stockjax.engine.drift_states import UNIVERSE, states_from_table
from stockjax.engine.due_sessions import DueSession
from stockjax.engine.state import BASE, CHALLENGER
from stockjax.errors import ModelFileError
from stockjax.registry import (
    Model,
    Status,
    load_challenger,
    load_champions,
    record_comparison,
    save_models,
)
from stockjax.settings import Settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.drift_tables import append_drift, read_last_trainings, read_monitors
from stockjax.warehouse.forecast_inputs import ForecastInputs
from stockjax.warehouse.ledger import append_forecasts


def read_state(warehouse: Warehouse, tickers: Sequence[str], as_of: date, settings: Settings) -> State:
    """What the nights before a session have left: nothing that came after it is in it."""
    found = load_champions(warehouse, tickers, as_of)
    unusable = dict(found.problems)
    try:
        challenger = load_challenger(warehouse, as_of)
    except ModelFileError as error:
        challenger, unusable = None, {**unusable, CHALLENGER: str(error)}
    trained = read_last_trainings(warehouse, tickers, first=as_of - LOOKBACK, as_of=as_of)
    return State(
        base=found.base,
        tickers=found.tickers,
        unusable=unusable,
        base_rejected=found.base_rejected,
        challenger=challenger,
        last_trained={ticker or BASE: day for ticker, day in trained.items()},
        monitors=read_monitors_at(warehouse, as_of, settings),
    )


def read_monitors_at(warehouse: Warehouse, as_of: date, settings: Settings) -> Monitors:
    """Where the monitors of the nights stand; nothing where the settings switch them off."""
    if not settings.drift.watch:
        return Monitors()
    states, pending, alarms = read_monitors(warehouse, first=as_of - LOOKBACK, as_of=as_of)
    alarms_of = {ticker or UNIVERSE: day for ticker, day in alarms.items()}
    return Monitors(states_from_table(states), pending, alarms_of)


@dataclass(frozen=True)
class RunWriter:
    """Where a run keeps its models and forecasts, under its name."""

    warehouse: Warehouse
    run_id: str

    def write_step(self, result: StepResult, due: DueSession, inputs: ForecastInputs) -> int:
        """Write down what a session of a night has made; returns how many forecasts were new.

        In this order a run that is killed in between is completed by the next: forecasts come last.
        """
        made, as_of = result.decisions, due.session
        if made.drift.moved:
            append_drift(self.warehouse, made.drift.rows, made.drift.states, as_of=as_of, run_id=self.run_id)
        if made.challenger:
            record_comparison(self.warehouse, made.challenger, run_id=self.run_id, moment=datetime.now(UTC))
        late = "" if due.known == as_of else f"-known-{due.known}"
        for role, name in (("base", "base"), ("ticker", "tickers")):
            self.models([model for model in result.models if model.role == role], f"{as_of}{late}-{name}")
        fetched = pd.Timestamp(due.known) if due.known > as_of else pd.NaT
        caught_up = result.forecasts["origin"] == "catchup"
        fetched_at = pd.Series(pd.NaT, index=caught_up.index, dtype="datetime64[s]").mask(caught_up, fetched)
        return self.forecasts(result.forecasts.assign(prices_fetched=fetched_at), inputs)

    def models(self, models: Iterable[Model], what: str, *, status: Status = "champion") -> None:
        """Keep models; `what` names their files. A rejected one stays what it is."""
        self._save([_with_status(model, status) for model in models], what)

    def backtest_models(self, models: Sequence[Model], what: str, before: State) -> None:
        """Keep the models of a backtest as retired ones; `before` is the state that it began from."""
        kept = [replace(_with_status(model, "retired"), replayed=True) for model in models]
        self._save(kept, what, backtest_changes(models, before))

    def _save(self, models: Sequence[Model], what: str, changes: pd.DataFrame | None = None) -> None:
        save_models(
            self.warehouse,
            models,
            batch=f"{what}-{self.run_id[:8]}",
            run_id=self.run_id,
            moment=datetime.now(UTC),
            backtest_changes=changes,
        )

    def forecasts(self, rows: pd.DataFrame, inputs: ForecastInputs) -> int:
        """Append to the ledger, with what they were made from; returns how many rows were new."""
        return append_forecasts(
            self.warehouse,
            rows,
            code_version=code_version(),
            run_id=self.run_id,
            inputs=inputs,
        )


def _with_status(model: Model, status: Status) -> Model:
    return model if model.status == "rejected" else replace(model, status=status)


def backtest_changes(models: Iterable[Model], before: State) -> pd.DataFrame:
    """The rows of `backtest_model_changes`: those that nights would have written of these models.

    Parameters
    ----------
    models
        In the order in which they were trained.
    before
        The state that the first of them was trained in.

    Returns
    -------
    Columns model_id, role, ticker, previous, status, since and cause.

    """
    champions = {ticker: model.model_id for ticker, model in before.tickers.items()}
    if before.base:
        champions[BASE] = before.base.model_id
    columns = ["model_id", "role", "ticker", "previous", "status", "since", "cause"]
    rows: list[tuple[object, ...]] = []
    for model in models:
        key, since = (model.role, model.ticker), model.trained_through
        accepted = model.status != "rejected"
        displaced = champions.get(model.ticker or BASE) if accepted else None
        if displaced and displaced != model.model_id:
            rows.append((displaced, *key, "champion", "retired", since, "replaced"))
        if accepted:
            champions[model.ticker or BASE] = model.model_id
        rows.append((model.model_id, *key, None, "champion" if accepted else "rejected", since, "trained"))
    return pd.DataFrame(rows, columns=columns).astype({"previous": "str", "ticker": "str"})
