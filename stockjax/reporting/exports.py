"""The newest forecasts as files: `latest_forecasts.parquet` and `latest_forecasts.csv`."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table

NAME = "latest_forecasts"
# What spreadsheets take for the beginning of a formula (OWASP, CSV Injection), spaces before it or not.
_FORMULA = re.compile(r"^\s*[=+\-@\t\r|%]")


def export_latest(warehouse: Warehouse, folder: Path) -> list[Path]:
    """Write the view `latest_forecasts`, and the next announcement of each ticker, as Parquet and as CSV.

    Each file is put in place in one step: a reader sees the old one or the new one, whole. In the
    CSV file, a text that a spreadsheet would take for a formula begins with an apostrophe; the
    Parquet file has it as it is. No file is named after a ticker.

    Returns
    -------
    The paths of the files.

    """
    table = read_table(warehouse, "latest_forecasts_table")
    for name in ("as_of", "target", "report_date"):
        table[name] = table[name].dt.date
    folder.mkdir(parents=True, exist_ok=True)
    safe = table.assign(
        **{name: table[name].map(_harmless) for name in table.columns if table[name].dtype.kind in "OUT"}
    )
    return [
        _put(folder / f"{NAME}.parquet", lambda path: table.to_parquet(path, index=False)),
        _put(folder / f"{NAME}.csv", lambda path: safe.to_csv(path, index=False)),
    ]


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _put(path: Path, write: Callable[[Path], object]) -> Path:
    fresh = path.with_name(f".{path.name}.new")
    write(fresh)
    with fresh.open("rb") as written:
        os.fsync(written.fileno())
    fresh.replace(path)
    return path
