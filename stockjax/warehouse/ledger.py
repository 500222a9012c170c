"""The ledger of forecasts."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.forecast_inputs import ForecastInputs, insert_inputs
from stockjax.warehouse.statements import statement
from stockjax.warehouse.time import stored_time


def append_forecasts(
    warehouse: Warehouse,
    rows: pd.DataFrame,
    *,
    code_version: str,
    run_id: str,
    moment: datetime | None = None,
    inputs: ForecastInputs | None = None,
) -> int:
    """Add forecasts that the ledger lacks; what it has is never touched.

    Parameters
    ----------
    rows
        The columns of `forecasts` from `ticker` to `data_hash`.
    moment
        When they are written, aware; None for the clock inside the transaction.
    inputs
        What they were made from; on record with them, or neither is.

    Returns
    -------
    How many rows were new.

    """
    if not len(rows):
        return 0
    first = rows["as_of"].min().date()
    with warehouse.write() as connection:
        created_at = stored_time(moment or datetime.now(UTC))
        origin = {"code_version": code_version, "run_id": run_id, "created_at": created_at}
        connection.register("rows", rows)
        connection.execute(statement("stage_added_forecasts"), {**origin, "first": first})
        added = connection.execute(statement("append_forecasts")).fetchall()
        for name in ("stage_newest_forecasts", "delete_newest_forecasts", "insert_newest_forecasts"):
            connection.execute(statement(name))
        connection.execute(statement("mark_added_forecasts"))
        if inputs and added[0][0]:
            insert_inputs(connection, inputs, run_id)
    return int(added[0][0])


def complete_forecasts(
    warehouse: Warehouse,
    tickers: Iterable[str],
    first: date,
    last: date,
    models: int,
    origins: Iterable[str] = ("nightly", "catchup", "backtest"),
) -> dict[str, set[date]]:
    """For each ticker the sessions from `first` to `last` that all `models` have forecast from."""
    with warehouse.read() as connection:
        rows = connection.execute(
            statement("forecast_counts"),
            {"tickers": list(tickers), "first": first, "last": last, "origins": list(origins)},
        ).fetchall()
    complete: dict[str, set[date]] = {}
    for ticker, as_of, count in rows:
        if count >= models:
            complete.setdefault(ticker, set()).add(as_of)
    return complete


def backtest_recipes(
    warehouse: Warehouse, tickers: Iterable[str], first: date, last: date
) -> list[dict[str, Any]]:
    """The hyperparameters behind the stored backtest forecasts from `first` to `last`."""
    asked = {"tickers": list(tickers), "first": first, "last": last}
    with warehouse.read() as connection:
        rows = connection.execute(statement("backtest_recipes"), asked).fetchall()
    return [json.loads(row[0]) for row in rows]


def first_live_sessions(warehouse: Warehouse, tickers: Iterable[str]) -> dict[str, date]:
    """For each ticker that a night has forecast, the first session it was forecast from."""
    with warehouse.read() as connection:
        return dict(
            connection.execute(statement("first_live_sessions"), {"tickers": list(tickers)}).fetchall()
        )


def newest_forecasts(warehouse: Warehouse, tickers: Iterable[str], until: date) -> pd.DataFrame:
    """The newest live forecasts of each ticker and model from sessions up to a date.

    Those of tickers whose forecasts ended a week before the others' are left out.
    """
    asked = {"tickers": list(tickers)}
    with warehouse.read_committed() as connection:
        ((newest,),) = connection.execute(statement("newest_session"), {**asked, "until": until}).fetchall()
        return connection.execute(statement("forecasts_table"), {**asked, "newest": newest}).df()


def read_table(warehouse: Warehouse, name: str, **parameters: Any) -> pd.DataFrame:
    """The result of a statement of the library, with all that was committed here."""
    with warehouse.read_committed() as connection:
        return connection.execute(statement(name), parameters).df()
