"""`stockjax check`: what a run would read from files of prices."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stockjax.errors import UsageError
from stockjax.settings import load_settings


class CheckFormat(StrEnum):
    """How the answer is written."""

    table = "table"
    json = "json"


def check(
    path: Annotated[Path, typer.Argument(help="File or folder of prices.")],
    rows: Annotated[
        Path | None,
        typer.Option(help="Write the rows that would be stored, as CSV or Parquet by the ending."),
    ] = None,
    form: Annotated[
        CheckFormat, typer.Option("--format", help="How the answer is written.")
    ] = CheckFormat.table,
) -> None:
    """Read and check files of prices as a run would, and write nothing to the warehouse."""
    from stockjax.cli.check_tables import file_check_json, file_check_text
    from stockjax.ingest.file_check import check_files

    if rows and rows.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"'{rows}' is neither .csv nor .parquet; give --rows one of them")
    checked = check_files(load_settings(source="files", path=path))
    if rows:
        write = checked.accepted.to_parquet if rows.suffix.lower() == ".parquet" else checked.accepted.to_csv
        write(rows, index=False)
    if form is CheckFormat.json:
        typer.echo(file_check_json(checked))
    else:
        Console(soft_wrap=True).print(file_check_text(checked), markup=False, highlight=False)
    raise typer.Exit(1 if checked.failures else 0)
