"""Options that several commands share, and the settings under them."""

import importlib.metadata
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from stockjax.errors import UsageError
from stockjax.imports import importing
from stockjax.settings import Settings, load_settings

TickersArgument = Annotated[
    list[str] | None, typer.Argument(help="Tickers to forecast; default: the setting, else all.")
]
SourceOption = Annotated[
    str | None, typer.Option(help="Where prices come from: sample, files, yahoo, or a package's source.")
]
PathOption = Annotated[Path | None, typer.Option(help="File or folder of prices; implies --source files.")]
WarehouseOption = Annotated[
    Path | None, typer.Option("--warehouse", help="Folder of the database (setting: warehouse).")
]
EventsOption = Annotated[
    Path | None, typer.Option("--events", help="File of announcements (setting: events.path).")
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Last session to use; default: the newest."),
]


def settings_from_flags(
    tickers: list[str] | None,
    source: str | None,
    path: Path | None,
    warehouse: Path | None,
    trials: int | None = None,
    events: Path | None = None,
) -> Settings:
    """Load the settings, overridden by the flags that all flows have.

    Raises
    ------
    SettingsError
        A value is not allowed.
    UsageError
        There is no such file of announcements.

    """
    if events and not events.is_file():
        raise UsageError(f"there is no file '{events}' of announcements; correct --events")
    return load_settings(
        tickers=tuple(tickers) if tickers else None,
        source=source or ("files" if path else None),
        path=path,
        warehouse=warehouse,
        tune={"trials": trials} if trials else None,
        events={"path": events} if events else None,
    )


def flow_runner(name: str) -> Callable[..., Any]:
    """The function of the flows that runs a flow in this process: the library does not import them."""
    with importing():
        runner: Callable[..., Any] = importlib.metadata.entry_points(group="stockjax.flows")[name].load()
    return runner
