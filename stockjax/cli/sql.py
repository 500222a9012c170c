"""`stockjax sql`: one read-only question to the warehouse."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stockjax.cli.options import WarehouseOption
from stockjax.errors import QueryRejectedError
from stockjax.settings import load_settings


class AnswerFormat(StrEnum):
    """How `stockjax sql` prints an answer."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def sql(
    statement: Annotated[
        str | None, typer.Argument(help="One SELECT, or @NAME: a query of warehouse/queries.")
    ] = None,
    parameters: Annotated[
        list[str] | None, typer.Argument(help="Values it reads with getvariable(), as ticker=AAPL.")
    ] = None,
    format: Annotated[AnswerFormat, typer.Option(help="How to print the answer.")] = AnswerFormat.table,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds it may take.")] = 30.0,
    memory: Annotated[str, typer.Option(help="Memory it may take.")] = "1GB",
    show_names: Annotated[bool, typer.Option("--list", help="List the named queries.")] = False,
    warehouse: WarehouseOption = None,
) -> None:
    """Answer one read-only query, also while a run is writing."""
    from stockjax.cli.limits import limited, number_of_bytes
    from stockjax.cli.output import write_answer
    from stockjax.warehouse import Warehouse
    from stockjax.warehouse.named import named_query, parameters_from, parameters_of
    from stockjax.warehouse.query import query

    console = Console()
    settings = load_settings(warehouse=warehouse)
    if show_names or statement == "@":
        console.print(_names(settings.warehouse))
        return
    if statement is None:
        raise QueryRejectedError("there is no statement; give one SELECT, @NAME or --list")
    text = named_query(settings.warehouse, statement[1:]).sql if statement.startswith("@") else statement
    values = parameters_from(parameters or [], parameters_of(text))
    with limited(timeout, number_of_bytes(memory)):
        answer = query(
            Warehouse(settings.warehouse), text, timeout=timeout, memory_limit=memory, parameters=values
        )
    write_answer(answer, format.value, console)


def _names(warehouse: Path) -> Table:
    from stockjax.warehouse.named import named_queries

    table = Table()
    for heading in ("query", "question", "parameters"):
        table.add_column(heading)
    for each in named_queries(warehouse).values():
        table.add_row(Text(f"@{each.name}"), Text(each.question), Text(", ".join(each.parameters)))
    return table
