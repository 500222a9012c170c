"""Nothing of the ledger is lost where a file of the warehouse is: a database that is gone is restored."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import duckdb

from stockjax.errors import WarehouseDamagedError
from stockjax.warehouse.instances import attached
from stockjax.warehouse.statements import statement


def restore_missing_database(database: Path, snapshot: Path) -> bool:
    """Put the readers' copy, which has every commit, in the place of a database that is gone.

    Returns
    -------
    Whether there was anything to do.

    Raises
    ------
    WarehouseDamagedError
        A write-ahead log of the lost database is left: it may hold commits, and belongs to no copy.

    """
    if database.exists() or not snapshot.exists():
        return False
    log = write_ahead_log(database)
    if log.exists():
        raise WarehouseDamagedError(
            f"'{database.name}' is gone and '{log.name}' is left; put the database back, or move the log "
            f"away and run again to restore '{snapshot.name}'"
        )
    fresh = database.with_name(f".{database.name}.new")
    shutil.copyfile(snapshot, fresh)
    fresh.replace(database)
    return True


def refuse_shorter_ledger(connection: duckdb.DuckDBPyConnection, snapshot: Path) -> None:
    """Refuse a database that lacks forecasts of its readers' copy: a run would overwrite them.

    Parameters
    ----------
    connection
        The writer's database.

    Raises
    ------
    WarehouseDamagedError
        The copy has forecasts or runs that the database lacks.

    """
    with ExitStack() as stack:
        try:
            stack.enter_context(attached(connection, snapshot, "published"))
        except duckdb.Error:
            # A copy that cannot be opened has nothing that could be lost.
            return
        try:
            lacking = connection.execute(statement("rows_only_published")).fetchall()
        except duckdb.CatalogException:
            lacking = []
    if lacking:
        table, rows = lacking[0]
        raise WarehouseDamagedError(
            f"'{snapshot.name}' has {rows} rows of {table} that 'stockjax.duckdb' lacks; to keep them copy "
            "it over stockjax.duckdb, to restore the older state delete it, and run again"
        )


def write_ahead_log(database: Path) -> Path:
    """The file of commits that DuckDB has not yet put into the database."""
    return database.with_name(f"{database.name}.wal")
