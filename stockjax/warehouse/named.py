"""The example queries, by name and with parameters."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from stockjax.errors import QueryRejectedError

_PARAMETER = re.compile(r"getvariable\('(\w+)'\)", re.IGNORECASE)
_PACKAGED = Path(str(files("stockjax.warehouse"))) / "sql" / "queries"
_IN_THE_REPOSITORY = Path(__file__).parents[2] / "warehouse" / "queries"


@dataclass(frozen=True)
class NamedQuery:
    """A file of `warehouse/queries`.

    Attributes
    ----------
    name
        The file's, without its ending.
    question
        The first line, a comment.
    sql
        All of the text. What it reads with `getvariable('…')` can be set; without a value it has
        a default, so that any DuckDB client can run the file as it is.

    """

    name: str
    question: str
    sql: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the variables that it reads."""
        return parameters_of(self.sql)


def parameters_of(sql: str) -> tuple[str, ...]:
    """The names of the variables that a statement reads, in order."""
    return tuple(dict.fromkeys(_PARAMETER.findall(sql)))


def named_queries(warehouse: Path) -> dict[str, NamedQuery]:
    """The queries in the folder `queries` of a warehouse, over those that ship with the release."""
    found: dict[str, NamedQuery] = {}
    for folder in (_IN_THE_REPOSITORY, _PACKAGED, warehouse / "queries"):
        for path in sorted(folder.glob("*.sql")):
            sql = path.read_text(encoding="utf-8")
            question = sql.partition("\n")[0].removeprefix("--").strip()
            found[path.stem] = NamedQuery(path.stem, question, sql)
    return dict(sorted(found.items()))


def named_query(warehouse: Path, name: str) -> NamedQuery:
    """One of them.

    Raises
    ------
    QueryRejectedError
        There is none of that name.

    """
    known = named_queries(warehouse)
    if name not in known:
        printed = name if name.isprintable() else ascii(name)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean @{near[0]}?)" if near else ""
        raise QueryRejectedError(f"there is no query @{printed}{hint}; stockjax sql --list shows them all")
    return known[name]


def parameters_from(given: Iterable[str], allowed: Iterable[str]) -> dict[str, str]:
    """The values out of words such as ticker=AAPL.

    Raises
    ------
    QueryRejectedError
        A word is none, or the statement has no such parameter.

    """
    names = list(allowed)
    values: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or name not in names:
            takes = f"it takes {', '.join(names)}" if names else "it takes none"
            raise QueryRejectedError(f"'{word}' is no parameter of this query, as name=value; {takes}")
        values[name] = value
    return values
