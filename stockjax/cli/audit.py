"""`stockjax audit`: the leak audit."""

from typing import Annotated

import typer
from rich.console import Console

from stockjax.cli.options import EventsOption, WarehouseOption, settings_from_flags


def audit(
    tickers: Annotated[list[str] | None, typer.Argument(help="Tickers; default: all.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Sessions of the ledger that are audited.")] = 3,
    warehouse: WarehouseOption = None,
    events: EventsOption = None,
) -> None:
    """Forecast past sessions again with later prices removed or changed: no forecast may change."""
    from stockjax.cli.audit_tables import audit_all, findings

    console = Console()
    audited = audit_all(
        settings_from_flags(None, None, None, warehouse, events=events), tickers or [], sessions, console
    )
    console.print(findings(audited))
    leaks = sum(forecast.leaks for forecast in audited)
    console.print(f"{leaks} changed of {len(audited)}")
    if leaks:
        raise typer.Exit(1)
