"""Models into the warehouse and out of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from stockjax.errors import ModelFileError
from stockjax.registry.model import Model
from stockjax.registry.model_files import OpenStacks, read_file, write_files
from stockjax.registry.shapes import check_arrays
from stockjax.warehouse import Warehouse
from stockjax.warehouse.model_history import record_comparison as record_comparison_rows
from stockjax.warehouse.records import (
    insert_models,
    last_rejected_base,
    read_challengers,
    read_champions,
)


@dataclass(frozen=True)
class Champions:
    """The active models, and those that could not be read.

    Attributes
    ----------
    problems
        One sentence for each model that cannot be used, by its ticker ('' for the base).
    base_rejected
        The session of the last base that was trained and not taken into force; None if none was.

    """

    base: Model | None
    tickers: dict[str, Model] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    base_rejected: date | None = None


def save_models(
    warehouse: Warehouse,
    models: Sequence[Model],
    *,
    batch: str,
    run_id: str,
    moment: datetime,
    backtest_changes: pd.DataFrame | None = None,
) -> None:
    """Write parameter files, then their rows: a row never points at a file that is not whole.

    Parameters
    ----------
    batch
        Name of the folder of this batch under `models/`.
    backtest_changes
        What a backtest has made of them, as in `insert_models`.

    """
    if not models:
        return
    folder = warehouse.models / batch
    written = write_files(folder, {model.model_id: model.parameters for model in models})
    relative = folder.relative_to(warehouse.folder)
    rows = [
        {
            "model_id": model.model_id,
            "ticker": model.ticker,
            "role": model.role,
            "status": model.status,
            "replayed": model.replayed,
            "trained_through": model.trained_through,
            "validation_loss": model.validation_loss,
            "champion_loss": model.champion_loss,
            "path": (relative / written[model.model_id].name).as_posix(),
            "sha256": written[model.model_id].sha256,
            "slice_sha256": written[model.model_id].slice_sha256,
            "hyperparameters": json.dumps(model.hyperparameters, sort_keys=True),
            "seed": model.seed,
            "data_hash": model.data_hash,
            "code_version": model.code_version,
            "parent_id": model.parent_id,
        }
        for model in models
    ]
    fresh = pd.DataFrame(rows).astype(
        {"ticker": "str", "parent_id": "str", "slice_sha256": "str", "champion_loss": "float"}
    )
    insert_models(warehouse, fresh, run_id=run_id, moment=moment, backtest_changes=backtest_changes)


def load_champions(warehouse: Warehouse, tickers: Iterable[str], as_of: date) -> Champions:
    """Read the active models at `as_of`; a damaged file is reported and skipped."""
    base: Model | None = None
    found: dict[str, Model] = {}
    problems: dict[str, str] = {}
    stacks = OpenStacks(warehouse.folder)
    for row in read_champions(warehouse, tickers, as_of):
        try:
            model = load_model(warehouse, row, stacks)
        except ModelFileError as error:
            problems[row["ticker"] or ""] = str(error)
            continue
        if model.ticker is None:
            base = model
        else:
            found[model.ticker] = model
    return Champions(base, found, problems, last_rejected_base(warehouse, as_of))


def load_challenger(warehouse: Warehouse, as_of: date) -> Model | None:
    """The newest base that waits to be judged; None if there is none.

    Raises
    ------
    ModelFileError
        Its file is missing, damaged, or of another release.

    """
    rows = read_challengers(warehouse, as_of)
    return replace(load_model(warehouse, rows[0]), status="challenger") if rows else None


def record_comparison(warehouse: Warehouse, judged: Model, *, run_id: str, moment: datetime) -> None:
    """Write down how a challenger has fared: champion of the next forecasts, or `rejected`.

    With both losses, in one transaction.
    """
    record_comparison_rows(
        warehouse,
        judged.model_id,
        won=judged.status != "rejected",
        validation_loss=judged.validation_loss,
        champion_loss=judged.champion_loss,
        run_id=run_id,
        moment=moment,
    )


def load_model(warehouse: Warehouse, row: Mapping[str, Any], stacks: OpenStacks | None = None) -> Model:
    """Read the model of a row of `models`, by the names of its columns.

    Parameters
    ----------
    stacks
        Keeps files of several models open, where more than one model is read.

    Raises
    ------
    ModelFileError
        Its file is missing, damaged, or of another release.

    """
    path = str(row["path"])
    if isinstance(row["slice_sha256"], str):
        opened = stacks or OpenStacks(warehouse.folder)
        parameters = opened.read(path, row["model_id"], row["slice_sha256"])
    else:
        parameters = read_file(warehouse.folder / path, row["sha256"])
    check_arrays(parameters, json.loads(row["hyperparameters"]), Path(row["path"]).name)
    return _model(row, parameters)


def _model(row: Mapping[str, Any], parameters: dict[str, Any]) -> Model:
    problems = ("role", "ticker", "trained_through", "validation_loss", "champion_loss", "seed")
    made = ("data_hash", "code_version", "parent_id")
    return Model(
        parameters=parameters,
        hyperparameters=json.loads(row["hyperparameters"]),
        activated_on=row.get("activated_on"),
        **{name: row[name] for name in (*problems, *made)},
    )
