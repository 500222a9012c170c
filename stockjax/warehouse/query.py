"""One read-only statement from a user, run so that it can do no harm."""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import duckdb
import pandas as pd

from stockjax.errors import QueryFailedError, QueryRejectedError
from stockjax.warehouse.connection import Warehouse

# Nothing outside the snapshot can be reached, and the statement cannot change that.
# The order matters: without external access, no directory can be set.
_LOCKED = {
    "temp_directory": "",
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
LONGEST = 200_000
"""Characters of a statement; planning a longer one can take longer than any limit on its time."""
_ALLOWED = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


def query(
    warehouse: Warehouse,
    sql: str,
    *,
    timeout: float = 30.0,
    memory_limit: str = "1GB",
    parameters: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Answer one SELECT from the readers' copy.

    Parameters
    ----------
    sql
        The statement, at most `LONGEST` characters.
    timeout
        Seconds that it may take.
    memory_limit
        As DuckDB writes it: 500MB, 2GB.
    parameters
        Values that the statement reads with `getvariable('name')`; they are bound, and no part
        of the statement's text.

    Raises
    ------
    QueryRejectedError
        It is no SQL, more than one statement, or not a query.
    QueryFailedError
        It failed, or needed more than `timeout` seconds or `memory_limit`.
    SnapshotMissingError
        No run has written to this warehouse yet.

    """
    with warehouse.read_snapshot() as connection:
        for name, value in (parameters or {}).items():
            _set_variable(connection, name, value)
        _lock(connection, memory_limit)
        only = _single_query(connection, sql)
        with _deadline(connection, timeout) as passed:
            try:
                return connection.execute(only).df()
            except duckdb.InterruptException as error:
                why = f"it took more than {timeout:g} s" if passed.is_set() else "it was interrupted"
                raise QueryFailedError(
                    f"the query was stopped because {why}; narrow it: {_quote(sql)}"
                ) from error
            except (duckdb.Error, MemoryError) as error:
                raise QueryFailedError(
                    f"the query failed ({_first_line(error)}); correct it: {_quote(sql)}"
                ) from error


def _set_variable(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    if not (name.isascii() and name.isidentifier()):
        raise QueryRejectedError(f"'{_printable(name)}' is no name of a parameter; use letters, digits and _")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise QueryRejectedError(f"the value of '{name}' is not text") from error
    connection.execute(f'SET VARIABLE "{name}" = $value', {"value": value})


def _lock(connection: duckdb.DuckDBPyConnection, memory_limit: str) -> None:
    for name, value in {**_LOCKED, "memory_limit": memory_limit, "lock_configuration": True}.items():
        try:
            connection.execute(f"SET {name} = $value", {"value": value})
        except duckdb.ParserException as error:
            raise QueryRejectedError(
                f"'{_printable(memory_limit)}' is no amount of memory; write it as 500MB or 2GB"
            ) from error


def _single_query(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    if len(sql) > LONGEST:
        raise QueryRejectedError(
            f"this statement is longer than {LONGEST:,} characters; shorten it: {_quote(sql)}"
        )
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise QueryRejectedError(f"this is not text: {_quote(sql)}") from error
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRejectedError(
            f"this is not SQL ({_first_line(error)}); correct it: {_quote(sql)}"
        ) from error
    if len(statements) != 1 or statements[0].type not in _ALLOWED:
        raise QueryRejectedError(f"only a single SELECT is answered here, not: {_quote(sql)}")
    return statements[0]


@contextmanager
def _deadline(connection: duckdb.DuckDBPyConnection, seconds: float) -> Generator[threading.Event]:
    passed = threading.Event()

    def stop() -> None:
        passed.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield passed
    finally:
        timer.cancel()


def _first_line(error: BaseException) -> str:
    return _printable(str(error).splitlines()[0] if str(error) else type(error).__name__)


def _quote(sql: str) -> str:
    shown = _printable(sql[:1000])
    return shown if len(shown) <= 200 else shown[:200] + "…"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text).strip()
