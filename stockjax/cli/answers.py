"""Printing the answer of a query."""

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
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
            console.print(_table(answer))


def _table(answer: pd.DataFrame) -> Table:
    # Text, not markup: a ticker or a reason may hold square brackets.
    table = Table()
    for name in answer.columns:
        table.add_column(Text(str(name)), justify="right" if answer[name].dtype.kind in "iuf" else "left")
    for row in answer.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


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
