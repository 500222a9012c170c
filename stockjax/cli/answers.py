"""Printing the answer of a query."""

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
from rich.cells import cell_len
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
            narrow = answer.empty or _natural_width(answer) <= console.width
            console.print(_table(answer) if narrow else _blocks(answer))


def _table(answer: pd.DataFrame) -> Table:
    # Text, not markup: a ticker or a reason may hold square brackets.
    table = Table()
    for name in answer.columns:
        table.add_column(Text(str(name)), justify="right" if answer[name].dtype.kind in "iuf" else "left")
    for row in answer.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _natural_width(answer: pd.DataFrame) -> int:
    """Columns that the table takes if no cell is cut."""
    cells = [[str(name), *map(_cell, answer[name])] for name in answer.columns]
    return sum(max(cell_len(text) for text in column) + 3 for column in cells) + 1


def _blocks(answer: pd.DataFrame) -> Text:
    """A block for each row, a line for each column: what is too wide for a table is not cut."""
    width = max(cell_len(str(name)) for name in answer.columns)
    lines = []
    for number, row in enumerate(answer.itertuples(index=False), start=1):
        lines.append(f"row {number} of {len(answer)}")
        lines += [
            f"  {name!s:<{width}}  {_cell(value)}" for name, value in zip(answer.columns, row, strict=True)
        ]
    return Text("\n".join(lines), no_wrap=False)


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
