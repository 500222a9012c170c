"""The state of a walk as a row of the warehouse: models by name, all else in full."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd

from stockjax.engine import Monitors, State
from stockjax.engine.drift_outcomes import no_pending
from stockjax.engine.drift_states import states_from_table, states_to_table
from stockjax.errors import ModelFileError
from stockjax.registry import Model, load_model
from stockjax.warehouse import Warehouse
from stockjax.warehouse.backtests import read_backtest_state, write_backtest_state
from stockjax.warehouse.records import read_models

_DAYS = {"as_of", "last_session", "target"}


def save_state(warehouse: Warehouse, line: str, as_of: date, state: State, run_id: str) -> None:
    """Write down where a walk stands; its models must be in the registry."""
    write_backtest_state(
        warehouse, line, as_of, json.dumps(_encoded(state)), run_id=run_id, moment=datetime.now(UTC)
    )


def load_state(warehouse: Warehouse, line: str, before: date) -> State | None:
    """The newest state of a line before a session; None if there is none that can still be used.

    A state whose model file is missing cannot be used: the walk then starts again.
    """
    text = read_backtest_state(warehouse, line, before)
    if text is None:
        return None
    document = json.loads(text)
    names = [name for name in (document["base"], *document["tickers"].values()) if name]
    try:
        models = {row["model_id"]: load_model(warehouse, row) for row in read_models(warehouse, names)}
    except ModelFileError:
        return None
    return _decoded(document, models) if set(names) <= models.keys() else None


def _encoded(state: State) -> dict[str, Any]:
    monitors = state.monitors
    return {
        "base": state.base.model_id if state.base else None,
        "tickers": {ticker: model.model_id for ticker, model in state.tickers.items()},
        "base_rejected": state.base_rejected.isoformat() if state.base_rejected else None,
        "last_trained": {name: day.isoformat() for name, day in state.last_trained.items()},
        "states": _records(states_to_table(monitors.states)),
        "pending": _records(monitors.pending),
        "alarms": {name: day.isoformat() for name, day in monitors.alarms.items()},
    }


def _decoded(document: Mapping[str, Any], models: Mapping[str, Model]) -> State:
    rejected = document["base_rejected"]
    return State(
        base=models[document["base"]] if document["base"] else None,
        tickers={ticker: models[name] for ticker, name in document["tickers"].items()},
        base_rejected=date.fromisoformat(rejected) if rejected else None,
        last_trained={name: date.fromisoformat(day) for name, day in document["last_trained"].items()},
        monitors=Monitors(
            states=states_from_table(_table(document["states"], states_to_table({}))),
            pending=_table(document["pending"], no_pending()),
            alarms={name: date.fromisoformat(day) for name, day in document["alarms"].items()},
        ),
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of plain values; a float keeps all of its digits."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return None if isinstance(value, float) and np.isnan(value) else value


def _table(records: list[dict[str, Any]], empty: pd.DataFrame) -> pd.DataFrame:
    if not records:
        return empty
    table = pd.DataFrame(records, columns=list(empty.columns))
    for name in _DAYS & set(table.columns):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
    return table
