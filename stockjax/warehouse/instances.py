"""DuckDB instances that are used again: making one takes 15 ms, attaching a file to it takes two."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

# Its bar would go to standard output, between the lines of an answer.
_QUIET = "SET enable_progress_bar = false"
_idle: list[duckdb.DuckDBPyConnection] = []


@contextmanager
def instance(spill: Path | None = None) -> Generator[duckdb.DuckDBPyConnection]:
    """Connect to a DuckDB instance that nothing else uses.

    One whose configuration was locked, or that has failed or spilled, is closed; any other one waits for the
    next use.

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
    except BaseException:
        made.close()
        raise
    try:
        # Refused where the configuration was locked, or a file was spilled, which is there until the end.
        made.execute("RESET temp_directory")
    except duckdb.Error:
        made.close()
    else:
        _idle.append(made)


@contextmanager
def attached(
    connection: duckdb.DuckDBPyConnection,
    database: Path,
    name: str,
    options: str = "READ_ONLY",
    *,
    default: bool = False,
) -> Generator[None]:
    """Attach a file under a name until the end of the block; after an error there the instance is closed.

    Parameters
    ----------
    default
        Whether tables are looked up there, where a statement names no database.

    """
    # DuckDB takes no parameters here.
    path = str(database).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS {name} ({options})")
    if default:
        connection.execute(f"USE {name}")
    yield
    if default:
        connection.execute("USE memory")
    connection.execute(f"DETACH {name}")
