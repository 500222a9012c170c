"""DuckDB instances that are used again: making one takes 15 ms, attaching a file to it takes two."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

# Its bar would go to standard output, between the lines of an answer.
_QUIET = "SET enable_progress_bar = false"
_STATE = """
SELECT current_setting('lock_configuration'), current_setting('temp_directory'), list(database_name)
FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory'
"""

_idle: list[duckdb.DuckDBPyConnection] = []


@contextmanager
def instance(spill: Path | None = None) -> Generator[duckdb.DuckDBPyConnection]:
    """Connect to a DuckDB instance that nothing else uses, and detach what was attached to it at the end.

    One whose configuration was locked, or that has failed, is closed; any other one waits for the next use.

    Parameters
    ----------
    spill
        Where it may write what exceeds its memory; by default a folder of its own among the temporary ones.

    Example
    -------
    >>> with instance() as connection:
    ...     connection.execute("SELECT current_database()").fetchall()
    [('memory',)]

    """
    try:
        made = _idle.pop()
    except IndexError:
        made = duckdb.connect(":memory:")
    spill = spill or Path(tempfile.gettempdir()) / f"stockjax-{id(made):x}.tmp"
    try:
        made.execute("SET temp_directory = $spill", {"spill": str(spill)})
        # Temporary tables, variables and the default database belong to the connection, and go with it.
        with made.cursor() as connection:
            connection.execute(_QUIET)
            yield connection
        ((locked, spilled, attached),) = made.execute(_STATE).fetchall()
        for name in attached or ():
            made.execute(f'DETACH "{name}"')
    except BaseException:
        made.close()
        raise
    # Once an instance has spilled, it keeps its folder until it is closed.
    if locked or Path(spilled).exists():
        made.close()
    else:
        _idle.append(made)


def attach(
    connection: duckdb.DuckDBPyConnection, database: Path, name: str, options: str = "READ_ONLY"
) -> None:
    """Attach a file under a name; DuckDB takes no parameters here."""
    path = str(database).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS {name} ({options})")
