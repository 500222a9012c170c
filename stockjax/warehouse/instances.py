"""DuckDB instances that are used again: making one takes 15 ms, attaching a file to it takes two."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import duckdb

# Its bar would go to standard output, between the lines of an answer.
_QUIET = "SET enable_progress_bar = false"
_idle: list[tuple[duckdb.DuckDBPyConnection, Path]] = []
"""Instances without a use, and the folder in which each spills."""
_choosing = Lock()


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
    made, folder = _acquire(spill)
    try:
        # Temporary tables, variables and the default database belong to the connection, and go with it.
        with made.cursor() as connection:
            connection.execute(_QUIET)
            yield connection
    except BaseException:
        made.close()
        raise
    # What was spilled stays until the instance is closed.
    if folder.exists() or _is_locked(made):
        made.close()
    else:
        _idle.append((made, folder))


def _acquire(spill: Path | None) -> tuple[duckdb.DuckDBPyConnection, Path]:
    """An instance for one use, and the folder in which it spills; one that has it already is preferred."""
    with _choosing:
        fitting = (at for at, (made, folder) in enumerate(_idle) if folder == _folder(spill, made))
        found = _idle.pop(next(fitting, -1)) if _idle else None
    made, before = found or (duckdb.connect(":memory:"), None)
    folder = _folder(spill, made)
    if folder != before:
        made.execute("SET temp_directory = $folder", {"folder": str(folder)})
    return made, folder


def _folder(spill: Path | None, made: duckdb.DuckDBPyConnection) -> Path:
    return spill or Path(tempfile.gettempdir()) / f"stockjax-{id(made):x}.tmp"


def _is_locked(made: duckdb.DuckDBPyConnection) -> bool:
    """Whether the configuration was locked: then it can be neither changed nor unlocked."""
    try:
        made.execute(_QUIET)
    except duckdb.InvalidInputException:
        return True
    return False


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
