"""`stockjax show`: one ticker in the terminal."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stockjax.cli.options import WarehouseOption
from stockjax.errors import UsageError
from stockjax.settings import load_settings


def show(
    ticker: Annotated[str, typer.Argument(help="The ticker, as stockjax status names it.")],
    model: Annotated[str, typer.Option(help="lstm, har, ewma or random_walk.")] = "lstm",
    sessions: Annotated[int, typer.Option(min=1, help="Outcomes in the table.")] = 10,
    picture: Annotated[
        Path | None, typer.Option(help="Write the chart of the last sessions to this PNG file instead.")
    ] = None,
    charted: Annotated[int, typer.Option(min=2, help="Sessions in that chart.")] = 252,
    warehouse: WarehouseOption = None,
) -> None:
    """Show a ticker's last forecasts and outcomes, its scores and a chart."""
    from stockjax.reporting.ticker_view import picture_of_ticker, show_ticker
    from stockjax.warehouse import Warehouse

    console = Console()
    folder = load_settings(warehouse=warehouse).warehouse
    if picture:
        drawn = picture_of_ticker(Warehouse(folder), ticker, charted)
        try:
            picture.write_bytes(drawn)
        except OSError as error:
            raise UsageError(f"cannot write '{picture}' ({error.strerror}); name another file") from error
        console.print(str(picture))
        return
    console.print(show_ticker(Warehouse(folder), ticker, model, sessions, min(console.width, 100)))
