"""Tables in JSON: records, columns, days by date, or any of them inside an answer of a vendor."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.known_formats import all_headings, plain

_DEEPEST, _MOST_INNER = 4, 20
_NAMES = ("ticker", "symbol", "2. symbol", "code")


@dataclass(frozen=True)
class JsonTable:
    """A table, and the ticker that the document names."""

    cells: pd.DataFrame
    headings: tuple[tuple[str, ...], ...]
    ticker: str = ""


def table_of_json(content: bytes) -> JsonTable:
    """The table of prices in a JSON document, or in lines of JSON.

    Raises
    ------
    InvalidDataError
        It is no JSON, or has no table.

    Example
    -------
    >>> bar = '{"t": 1362114000000, "o": 438, "h": 438.2, "l": 430, "c": 430.47}'
    >>> table_of_json(f'{{"ticker": "A", "results": [{bar}]}}'.encode()).ticker
    'A'

    """
    text = content.decode("utf-8-sig", errors="replace")
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise InvalidDataError("it is nested too deeply for a table of prices") from error
    except ValueError:
        document = _lines(text)
    frame = _table(document, 0)
    if frame is None or frame.empty:
        shown = " ".join(text.split())[:80]
        raise InvalidDataError(f"its JSON has no table of prices (it begins with '{shown}')")
    headings = tuple((str(name),) for name in frame.columns)
    return JsonTable(frame.set_axis(range(frame.shape[1]), axis="columns"), headings, _ticker(document, 0))


def _lines(text: str) -> list[Any]:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        shown = " ".join(text.split())[:80]
        raise InvalidDataError(f"it is no JSON, though it begins as such ('{shown}')") from error


def _table(document: Any, depth: int) -> pd.DataFrame | None:
    """The first table in a document, from its top down; None if it has none."""
    if depth > _DEEPEST:
        return None
    found = _of_list(document) if isinstance(document, list) else None
    if isinstance(document, Mapping) and document:
        found = _of_object(document)
    if found is not None:
        return found
    inner = document.values() if isinstance(document, Mapping) else document
    candidates = list(inner)[:_MOST_INNER] if isinstance(document, (Mapping, list)) else []
    return next((table for each in candidates if (table := _table(each, depth + 1)) is not None), None)


def _of_list(document: list[Any]) -> pd.DataFrame | None:
    rows = [row for row in document if isinstance(row, Mapping)]
    return (
        pd.DataFrame.from_records(rows) if rows and len(rows) == len(document) and _known(rows[0]) else None
    )


def _of_object(document: Mapping[str, Any]) -> pd.DataFrame | None:
    if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
        return _split(document)
    columns = {name: values for name, values in document.items() if isinstance(values, (Mapping, list))}
    if _known(document) and len(columns) > 1:
        return _by_columns(columns)
    if all(isinstance(row, Mapping) and _known(row) for row in document.values()):
        # Days by their dates.
        return pd.DataFrame.from_records([{"date": day, **row} for day, row in document.items()])
    return None


def _split(document: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(document["data"], columns=[str(name) for name in document["columns"]])
    if isinstance(document.get("index"), list) and not _has_date(frame.columns):
        frame.insert(0, "date", document["index"])
    return frame


def _by_columns(columns: Mapping[str, Any]) -> pd.DataFrame | None:
    if all(isinstance(values, list) for values in columns.values()):
        if len({len(values) for values in columns.values()}) > 1:
            return None
        return pd.DataFrame(columns)
    frame = pd.DataFrame(
        {name: pd.Series(values) for name, values in columns.items() if isinstance(values, Mapping)}
    )
    if not _has_date(frame.columns):
        frame.insert(0, "date", frame.index)
    return frame.reset_index(drop=True)


def _known(row: Mapping[str, Any]) -> bool:
    names = {plain(str(name)) for name in row}
    return len(names & all_headings()) >= 4


def _has_date(names: Any) -> bool:
    return any(plain(str(name)) in ("date", "datetime", "timestamp", "time", "t") for name in names)


def _ticker(document: Any, depth: int) -> str:
    """The symbol that stands next to the table, not in it."""
    if not isinstance(document, Mapping) or depth > 2:
        return ""
    for name, value in document.items():
        if str(name).lower() in _NAMES and isinstance(value, str):
            return value
        if isinstance(value, Mapping) and (found := _ticker(value, depth + 1)):
            return found
    return ""
