"""The SQL that the library runs, kept in files."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `sql/statements/<name>.sql`."""
    path = files("stockjax.warehouse") / "sql" / "statements" / f"{name}.sql"
    return path.read_text(encoding="utf-8")
