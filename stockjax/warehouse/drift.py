"""Rows about drift: what the monitors saw, and where they stand."""

from collections.abc import Iterable
from datetime import date

import pandas as pd

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement


def unseen_by_drift(
    warehouse: Warehouse, *, first: date, as_of: date, share: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Where the monitors stand, and the outcomes that they have not taken.

    Parameters
    ----------
    first, as_of
        Outcomes of older targets are let be, and later ones are not known.
    share
        A day counts for the universe once so many of its forecasts have an outcome.

    Returns
    -------
    The rows of `drift_state`, whose ticker is missing for the universe; and columns ticker, session,
    residual, inside_50, inside_90, of_ticker and of_universe (who has not taken it), ordered by
    session and ticker.

    """
    asked = {"first": first, "as_of": as_of, "share": share}
    with warehouse.read() as connection:
        states = connection.execute(statement("drift_states")).df()
        return states, connection.execute(statement("drift_outcomes"), asked).df()


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


def unanswered_drift(
    warehouse: Warehouse, tickers: Iterable[str], *, first: date, as_of: date
) -> list[str | None]:
    """Who of these tickers is due by alarms that no training has answered; None is the base.

    Parameters
    ----------
    first, as_of
        Nights whose alarms count; what is known later does not.

    """
    asked = {"tickers": list(tickers), "first": first, "as_of": as_of}
    with warehouse.read() as connection:
        return [row[0] for row in connection.execute(statement("unanswered_drift"), asked).fetchall()]


def drift_alarms(warehouse: Warehouse, tickers: Iterable[str], as_of: date) -> pd.DataFrame:
    """Alarms that a night raised: of the universe first, then of these tickers."""
    asked = {"tickers": list(tickers), "as_of": as_of}
    with warehouse.read() as connection:
        return connection.execute(statement("drift_alarms"), asked).df()
