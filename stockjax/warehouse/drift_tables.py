"""Rows about drift: what the monitors saw, and where they stand."""

from collections.abc import Iterable
from datetime import date

import pandas as pd

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement


def read_monitors(
    warehouse: Warehouse, *, first: date, as_of: date
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str | None, date]]:
    """Where the monitors stand.

    Parameters
    ----------
    first, as_of
        Older targets and alarms do not count, and later ones are not known.

    Returns
    -------
    The rows of `drift_state`; the forecasts whose outcome was not observed, columns of
    `drift_pending.sql`; and by ticker (None for the universe) the session of its last alarm.

    """
    asked = {"first": first, "as_of": as_of}
    with warehouse.read() as connection:
        states = connection.execute(statement("drift_states")).df()
        pending = connection.execute(statement("drift_pending"), asked).df()
        alarms = dict(connection.execute(statement("raised_alarms"), asked).fetchall())
    return states, pending, alarms


def read_last_trainings(
    warehouse: Warehouse, tickers: Iterable[str], *, first: date, as_of: date
) -> dict[str | None, date]:
    """By ticker (None for the base), the last session of any training by a night."""
    asked = {"tickers": list(tickers), "first": first, "as_of": as_of}
    with warehouse.read() as connection:
        return dict(connection.execute(statement("last_trainings"), asked).fetchall())


def append_drift(
    warehouse: Warehouse, rows: pd.DataFrame, states: pd.DataFrame, *, as_of: date, run_id: str
) -> None:
    """Add what the monitors saw and put their new states in the place of the old, both or neither.

    Parameters
    ----------
    rows
        Columns of `drift` but as_of and run_id.
    states
        Columns of `drift_state` but as_of.

    """
    with warehouse.write() as connection:
        connection.register("fresh", rows)
        connection.register("states", states)
        connection.execute(statement("append_drift"), {"as_of": as_of, "run_id": run_id})
        connection.execute(statement("delete_drift_states"))
        connection.execute(statement("insert_drift_states"), {"as_of": as_of})


def drift_alarms(warehouse: Warehouse, tickers: Iterable[str], as_of: date) -> pd.DataFrame:
    """Alarms that a night raised: of the universe first, then of these tickers."""
    asked = {"tickers": list(tickers), "as_of": as_of}
    with warehouse.read() as connection:
        return connection.execute(statement("drift_alarms"), asked).df()
