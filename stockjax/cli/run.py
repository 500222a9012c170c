"""`stockjax run`: the nightly flow in this process."""

from datetime import date

import typer
from rich.console import Console

from stockjax.cli.options import (
    AsOfOption,
    EventsOption,
    PathOption,
    SourceOption,
    TickersArgument,
    WarehouseOption,
    flow_runner,
    settings_from_flags,
)
from stockjax.cli.terminal import output_may_be_cut


def run(
    tickers: TickersArgument = None,
    source: SourceOption = None,
    path: PathOption = None,
    as_of: AsOfOption = None,
    warehouse: WarehouseOption = None,
    events: EventsOption = None,
) -> None:
    """Fetch, train, forecast and score, in this process and without a server."""
    settings = settings_from_flags(tickers, source, path, warehouse, events=events)
    console = Console()

    def print_forecasts(asked: tuple[str, ...], session: date) -> None:
        from stockjax.reporting.tables import forecast_table
        from stockjax.warehouse import Warehouse

        made = Warehouse(settings.warehouse)
        with output_may_be_cut():
            console.print(forecast_table(made, asked, session))

    finished = flow_runner("forecast")(settings, as_of.date() if as_of else None, print_forecasts)

    from stockjax.reporting.tables import score_table
    from stockjax.warehouse import Warehouse

    made = Warehouse(settings.warehouse)
    with output_may_be_cut():
        console.print(score_table(made, finished.tickers, finished.as_of))
        console.print(f"warehouse: {made.database}")
        console.print(f"report:    {finished.report}")
        console.print(finished.message)
    if not finished.succeeded:
        raise typer.Exit(1)
