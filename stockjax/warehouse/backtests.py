"""Where walks through the past stand."""

from datetime import date, datetime

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement
from stockjax.warehouse.time import stored_time


def write_backtest_state(
    warehouse: Warehouse, line: str, as_of: date, state: str, *, run_id: str, moment: datetime
) -> None:
    """Put a state (JSON text) after a session in the place of one of the same session and line."""
    row = {"line": line, "as_of": as_of, "run_id": run_id}
    with warehouse.write() as connection:
        connection.execute(statement("delete_backtest_state"), row)
        values = {**row, "state": state, "written_at": stored_time(moment)}
        connection.execute(statement("insert_backtest_state"), values)


def read_backtest_state(warehouse: Warehouse, line: str, before: date) -> str | None:
    """The newest state of a line before a session, JSON text; None if there is none."""
    with warehouse.read() as connection:
        rows = connection.execute(statement("backtest_state"), {"line": line, "before": before}).fetchall()
    return str(rows[0][0]) if rows else None
