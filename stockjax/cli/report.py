"""`stockjax report`: write the HTML report again."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from stockjax.cli.options import WarehouseOption
from stockjax.settings import load_settings


def report(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Session of the report; default: the newest forecast's."),
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Write the HTML report again from what the warehouse has."""
    from stockjax.reporting.report import write_latest_report
    from stockjax.warehouse import Warehouse

    settings = load_settings(warehouse=warehouse)
    page = write_latest_report(Warehouse(settings.warehouse), as_of.date() if as_of else None)
    Console().print(str(page))
