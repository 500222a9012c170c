"""Rows of large tables moved together by ticker, as nights add them by session."""

from typing import Any

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement

TABLES = ("forecasts", "prices")
UNSORTED_ROWS = {"forecasts": 300_000, "prices": 75_000}
"""Fewer rows than these stay as nights have added them: 25 nights of 3,000 tickers."""
_RUN = 10
"""So many times as many rows make a run, which is then never moved again."""


def cluster_by_ticker(warehouse: Warehouse) -> int:
    """Sort what has been added by ticker, once that is much; returns how many rows were moved.

    DuckDB skips parts of a file in which a ticker cannot be. A row of the ledger is moved as it
    is, a year in one transaction; a small warehouse is never touched.
    """
    with warehouse.read() as connection:
        crowded = [table for table in TABLES if _unsorted(connection, table)[0] >= UNSORTED_ROWS[table]]
    if not crowded:
        return 0
    with warehouse.write() as connection:
        return sum(_sort(connection, table) for table in crowded)


def _unsorted(connection: Any, table: str) -> tuple[int, int, Any, dict[str, Any]]:
    """Unsorted rows, rows of their run, when the newest was stored, and how far the table is sorted."""
    run_after, through = connection.execute(statement("storage_order"), {"name": table}).fetchall()[0]
    spans = {"run_after": run_after, "sorted_through": through}
    unsorted, rows, newest = connection.execute(statement(f"unsorted_{table}"), spans).fetchall()[0]
    return unsorted, rows, newest, spans


def _sort(connection: Any, table: str) -> int:
    _, rows, newest, spans = _unsorted(connection, table)
    run = {"run_after": spans["run_after"]}
    # Year by year, so that a backtest of decades is not sorted in memory at once.
    for (year,) in connection.execute(statement(f"years_of_{table}"), run).fetchall():
        part = {**run, "year": year}
        connection.execute(statement(f"stage_run_of_{table}"), part)
        connection.execute(statement(f"delete_run_of_{table}"), part)
        connection.execute(statement(f"insert_run_of_{table}"))
        # So that the next year goes where this one lay, and the file does not grow to twice its size.
        connection.commit()
        connection.execute("CHECKPOINT")
        connection.begin()
    full = rows >= _RUN * UNSORTED_ROWS[table]
    connection.execute(
        statement("update_storage_order"),
        {"name": table, "run_after": newest if full else spans["run_after"], "sorted_through": newest},
    )
    return int(rows)
