"""Rows about runs, tickers and models."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.model_history import record_trained_models
from stockjax.warehouse.statements import fetch_rows, statement
from stockjax.warehouse.time import stored_time


def start_run(
    warehouse: Warehouse,
    *,
    run_id: str,
    flow_run_id: str | None,
    flow: str,
    as_of: date,
    moment: datetime,
    code_version: str,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Note that a run has begun, and that those of its flow that never ended were killed.

    The caller holds the lock of the flow, so that no other run of it is active.

    Parameters
    ----------
    environment
        What computes its numbers, by name.

    """
    with warehouse.write() as connection:
        connection.execute(statement("abandon_runs"), {"flow": flow, "moment": stored_time(moment)})
        connection.execute(
            statement("start_run"),
            {
                "run_id": run_id,
                "flow_run_id": flow_run_id,
                "flow": flow,
                "as_of": as_of,
                "started_at": stored_time(moment),
                "code_version": code_version,
                "environment": json.dumps(environment) if environment else None,
            },
        )


def finish_run(
    warehouse: Warehouse,
    *,
    run_id: str,
    status: str,
    as_of: date,
    counts: Mapping[str, object],
    moment: datetime,
) -> None:
    """Note how a run ended, what it was about and what it did."""
    with warehouse.write() as connection:
        connection.execute(
            statement("finish_run"),
            {
                "run_id": run_id,
                "status": status,
                "as_of": as_of,
                "counts": json.dumps(counts),
                "finished_at": stored_time(moment),
            },
        )


def replace_tickers(warehouse: Warehouse, states: pd.DataFrame, *, run_id: str, moment: datetime) -> None:
    """Put the states of the universe in the place of what was said of the same tickers before.

    Parameters
    ----------
    states
        Columns ticker, exchange, exchange_from, source, state, reason, first_session,
        last_session, sessions.

    """
    with warehouse.write() as connection:
        connection.register("states", states)
        connection.execute(statement("delete_tickers"))
        connection.execute(
            statement("replace_tickers"), {"run_id": run_id, "updated_at": stored_time(moment)}
        )


def read_listings(warehouse: Warehouse, tickers: Iterable[str]) -> dict[str, str]:
    """The calendar codes from vendors, by ticker."""
    with warehouse.read() as connection:
        return dict(connection.execute(statement("listings"), {"tickers": list(tickers)}).fetchall())


def read_champions(warehouse: Warehouse, tickers: Iterable[str], as_of: date) -> list[dict[str, Any]]:
    """The models of these tickers and of the base that were active at `as_of`.

    Each by the names of its columns; what is NULL is None.
    """
    return _rows(warehouse, "champions", tickers=list(tickers), as_of=as_of)


def read_models(warehouse: Warehouse, model_ids: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of models, by name."""
    return _rows(warehouse, "models_by_id", model_ids=list(model_ids))


def read_challengers(warehouse: Warehouse, as_of: date) -> list[dict[str, Any]]:
    """Bases that a search found up to `as_of` and that were not compared yet, the newest first."""
    return _rows(warehouse, "challengers", as_of=as_of)


def _rows(warehouse: Warehouse, name: str, **parameters: Any) -> list[dict[str, Any]]:
    with warehouse.read() as connection:
        return fetch_rows(connection, name, **parameters)


def last_rejected_base(warehouse: Warehouse, as_of: date) -> date | None:
    """The session of the last base that a night has trained and rejected, up to `as_of`."""
    with warehouse.read() as connection:
        ((day,),) = connection.execute(statement("last_rejected_base"), {"as_of": as_of}).fetchall()
    found: date | None = day
    return found


def rejected_models(warehouse: Warehouse, as_of: date) -> int:
    """How many models that nights have trained at a session were rejected."""
    with warehouse.read() as connection:
        ((count,),) = connection.execute(statement("rejected_models"), {"as_of": as_of}).fetchall()
    return int(count)


def insert_models(
    warehouse: Warehouse,
    fresh: pd.DataFrame,
    *,
    run_id: str,
    moment: datetime,
    backtest_changes: pd.DataFrame | None = None,
) -> None:
    """Add models; a champion among them retires the one before it, in the same transaction.

    Parameters
    ----------
    backtest_changes
        What a backtest has made of them: columns model_id, role, ticker, previous, status, since and cause.

    """
    with warehouse.write() as connection:
        connection.register("fresh", fresh)
        connection.execute(statement("stage_active_models"))
        connection.execute(statement("retire_champions"))
        connection.execute(statement("renew_model_files"))
        connection.execute(statement("insert_models"), {"run_id": run_id, "trained_at": stored_time(moment)})
        record_trained_models(connection, run_id=run_id, moment=moment)
        if backtest_changes is not None and len(backtest_changes):
            connection.register("changes", backtest_changes)
            keys = {"run_id": run_id, "changed_at": stored_time(moment)}
            connection.execute(statement("append_backtest_changes"), keys)


def has_model(warehouse: Warehouse, model_id: str) -> bool:
    """Whether a model of that name has ever been kept, with a file still or without."""
    with warehouse.read() as connection:
        return bool(connection.execute(statement("has_model"), {"model_id": model_id}).fetchall()[0][0])


def half_purged_files(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Models that are kept, in files that have models that are not: model_id, path, sha256, slice_sha256."""
    with warehouse.read() as connection:
        found = connection.execute(statement("half_purged_files")).df()
    return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


def move_models(warehouse: Warehouse, moved: pd.DataFrame) -> None:
    """Record that models are in other files now: columns model_id, path, sha256, slice_sha256."""
    with warehouse.write() as connection:
        connection.register("moved", moved)
        connection.execute(statement("move_models"))


def purge_model_rows(warehouse: Warehouse, *, before: datetime, moment: datetime) -> None:
    """Mark the files of inactive models that were trained before a moment as deleted."""
    with warehouse.write() as connection:
        connection.execute(
            statement("purge_models"), {"before": stored_time(before), "moment": stored_time(moment)}
        )


def kept_model_files(warehouse: Warehouse) -> list[str]:
    """The paths, inside the folder, of all models that are kept."""
    with warehouse.read() as connection:
        return [str(row[0]) for row in connection.execute(statement("kept_model_files")).fetchall()]
