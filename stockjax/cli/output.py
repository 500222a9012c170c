"""Printing the answer of a query."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text


def write_answer(answer: pd.DataFrame, form: str, console: Console) -> None:
    """Write a query's answer to standard output.

    Parameters
    ----------
    form
        table (for people), csv, json (one array of objects) or parquet (bytes).

    """
    match form:
        case "csv":
            answer.to_csv(sys.stdout, index=False)
        case "json":
            rows = answer.astype(object).where(answer.notna(), None).to_dict("records")
            sys.stdout.write(json.dumps(rows, default=_plain, ensure_ascii=False) + "\n")
        case "parquet":
            answer.to_parquet(sys.stdout.buffer, index=False)
        case _:
            cells = {str(name): [_cell(value) for value in answer[name]] for name in answer.columns}
            narrow = answer.empty or _natural_width(cells) <= console.width
            console.print(_table(answer, cells) if narrow else _blocks(cells))


def _table(answer: pd.DataFrame, cells: Mapping[str, list[str]]) -> Table:
    # Text, not markup: a ticker or a reason may hold square brackets.
    table = Table()
    for name in cells:
        table.add_column(Text(name), justify="right" if answer[name].dtype.kind in "iuf" else "left")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def _natural_width(cells: Mapping[str, list[str]]) -> int:
    """Columns that the table takes if no cell is cut."""
    return sum(max(map(cell_len, [name, *column])) + 3 for name, column in cells.items()) + 1


def _blocks(cells: Mapping[str, list[str]]) -> Text:
    """A block for each row, a line for each column: what is too wide for a table is not cut."""
    width = max(map(cell_len, cells))
    rows = list(zip(*cells.values(), strict=True))
    lines = []
    for number, row in enumerate(rows, start=1):
        lines.append(f"row {number} of {len(rows)}")
        lines += [f"  {set_cell_size(name, width)}  {cell}" for name, cell in zip(cells, row, strict=True)]
    return Text("\n".join(lines))


def _cell(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return f"{value:%Y-%m-%d}"
    return "".join(character if character.isprintable() else " " for character in str(value))


def _plain(value: Any) -> Any:
    """A value that JSON has no form for: days as 2013-03-01, moments in ISO 8601, the rest as text."""
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return f"{value:%Y-%m-%d}"
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
