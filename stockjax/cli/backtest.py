"""`stockjax backtest`: walk forward through a range of the past."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from stockjax.cli.options import (
    EventsOption,
    PathOption,
    SourceOption,
    TickersArgument,
    WarehouseOption,
    flow_runner,
    settings_from_flags,
)
from stockjax.cli.terminal import output_may_be_cut


def backtest(
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First session to forecast from.")
    ],
    last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last session to forecast from.")
    ],
    tickers: TickersArgument = None,
    source: SourceOption = None,
    path: PathOption = None,
    warehouse: WarehouseOption = None,
    events: EventsOption = None,
) -> None:
    """Forecast a range of the past, each session from what was known at its close, and score it."""
    from stockjax.reporting.tables import backtest_table
    from stockjax.warehouse import Warehouse

    settings = settings_from_flags(tickers, source, path, warehouse, events=events)
    finished = flow_runner("backtest")(settings, first.date(), last.date())
    console, made = Console(), Warehouse(settings.warehouse)
    with output_may_be_cut():
        console.print(backtest_table(made, first.date(), last.date(), finished.tickers))
        console.print(f"warehouse: {made.database}")
        console.print(finished.message)
