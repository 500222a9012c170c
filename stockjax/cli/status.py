"""`stockjax status`: the freshness and state of every ticker."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from stockjax.cli.options import WarehouseOption
from stockjax.settings import load_settings


class StateChoice(StrEnum):
    """The states that `stockjax status` can be restricted to."""

    active = "active"
    stale = "stale"
    delisted = "delisted"
    too_short = "too_short"
    failed = "failed"


def status(
    tickers: Annotated[list[str] | None, typer.Argument(help="Tickers; default: all.")] = None,
    state: Annotated[StateChoice | None, typer.Option(help="Only tickers in this state.")] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Show how fresh every ticker is, and why some are not forecast."""
    from stockjax.reporting.tables import status_table
    from stockjax.warehouse import Warehouse

    settings = load_settings(warehouse=warehouse)
    Console().print(status_table(Warehouse(settings.warehouse), tickers or [], state and state.value))
