"""The SQL that the library runs: files by domain, each with statements under a line `-- name: …`."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def statement(name: str) -> str:
    """The text of a named statement, which may be several that belong together.

    Raises
    ------
    KeyError
        No file has a statement of that name.

    Example
    -------
    >>> statement("promotions").split()[0]
    'SELECT'

    """
    return statements()[name]


@cache
def statements() -> dict[str, str]:
    """All statements by name.

    Raises
    ------
    ValueError
        Two statements have the same name.

    """
    found: dict[str, str] = {}
    for file in sorted(
        (files("stockjax.warehouse") / "sql" / "statements").iterdir(), key=lambda item: item.name
    ):
        _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"two statements are named '{name}', one of them in {file.name}")
            found[name] = text.strip()
    return found


def fetch_rows(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a named statement by the names of their columns; NULL is None."""
    found = connection.execute(statement(name), parameters)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
