"""The command line: one thin function per command.

Heavy libraries are imported by the commands that need them, so that `stockjax sql`
answers at once.
"""

import importlib.metadata
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stockjax import __version__
from stockjax.cli import explain, models
from stockjax.cli.show import show
from stockjax.cli.sql import sql
from stockjax.errors import StockjaxError
from stockjax.settings import CONFIG_VARIABLE, Settings, load_settings

app = typer.Typer(
    help="Next-day stock forecasts with honest intervals, every night, in DuckDB.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_console = Console()
app.add_typer(models.app, name="models")
app.command()(explain.explain)
# A query may begin with a comment, whose two dashes are no option.
app.command(context_settings={"ignore_unknown_options": True})(sql)
app.command()(show)


class State(StrEnum):
    """What `stockjax status` can be narrowed to."""

    active = "active"
    stale = "stale"
    delisted = "delisted"
    too_short = "too_short"
    failed = "failed"


TickersArgument = Annotated[
    list[str] | None, typer.Argument(help="Tickers to forecast; default: the setting, else all.")
]
SourceOption = Annotated[str | None, typer.Option(help="Where prices come from: sample, files or yahoo.")]
PathOption = Annotated[Path | None, typer.Option(help="File or folder of prices; implies --source files.")]
WarehouseOption = Annotated[
    Path | None, typer.Option("--warehouse", help="Folder of the database (setting: warehouse).")
]


@app.callback()
def _options(
    config: Annotated[
        Path | None, typer.Option(help="Settings file; default: stockjax.toml if it is there.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Next-day stock forecasts with honest intervals, every night, in DuckDB."""
    del debug  # read by main(), which has to know it even when parsing fails
    if config:
        os.environ[CONFIG_VARIABLE] = str(config)


@app.command()
def run(
    tickers: TickersArgument = None,
    source: SourceOption = None,
    path: PathOption = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last session to use; default: the newest."),
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Fetch, train, forecast and score, in this process and without a server."""
    settings = _asked(tickers, source, path, warehouse)
    orchestrate = importlib.metadata.entry_points(group="stockjax.flows")["forecast"].load()
    finished = orchestrate(settings, as_of.date() if as_of else None)
    _print_night(settings, finished.tickers, finished.as_of)
    _console.print(f"warehouse: {settings.warehouse / 'stockjax.duckdb'}")
    _console.print(f"report:    {finished.report}")
    _console.print(finished.message)
    if not finished.succeeded:
        raise typer.Exit(1)


@app.command()
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
) -> None:
    """Forecast a range of the past, each session from what was known at its close, and score it."""
    from stockjax.reporting.tables import backtest_table
    from stockjax.warehouse import Warehouse

    settings = _asked(tickers, source, path, warehouse)
    orchestrate = importlib.metadata.entry_points(group="stockjax.flows")["backtest"].load()
    finished = orchestrate(settings, first.date(), last.date())
    made = Warehouse(settings.warehouse)
    _console.print(backtest_table(made, first.date(), last.date(), finished.tickers))
    _console.print(f"warehouse: {made.database}")
    _console.print(finished.message)


@app.command()
def tune(
    tickers: TickersArgument = None,
    source: SourceOption = None,
    path: PathOption = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last session to use; default: the newest."),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Configurations (setting: tune.trials).")] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Search for settings of training that would have done better; the winner becomes a challenger."""
    from stockjax.reporting.search_report import search_table
    from stockjax.tuning import open_study, trial_results, trials_table

    settings = _asked(tickers, source, path, warehouse, trials)
    orchestrate = importlib.metadata.entry_points(group="stockjax.flows")["tune"].load()
    finished = orchestrate(settings, as_of.date() if as_of else None)
    with open_study(settings.warehouse, finished.study) as study:
        found = trial_results(study)
    _console.print(search_table(trials_table(found), list(found[0].values)))
    _console.print(f"report: {finished.report}")
    _console.print(finished.message)


@app.command()
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
    session: date | None = as_of.date() if as_of else None
    _console.print(str(write_latest_report(Warehouse(settings.warehouse), session)))


@app.command()
def status(
    tickers: Annotated[list[str] | None, typer.Argument(help="Tickers; default: all.")] = None,
    state: Annotated[State | None, typer.Option(help="Only tickers in this state.")] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Show how fresh every ticker is, and why some are not forecast."""
    from stockjax.reporting.tables import status_table
    from stockjax.warehouse import Warehouse

    settings = load_settings(warehouse=warehouse)
    _console.print(status_table(Warehouse(settings.warehouse), tickers or [], state and state.value))


@app.command()
def audit(
    tickers: Annotated[list[str] | None, typer.Argument(help="Tickers; default: all.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Sessions of the ledger that are audited.")] = 3,
    warehouse: WarehouseOption = None,
) -> None:
    """Forecast past sessions again with later prices removed or changed: no forecast may change."""
    from stockjax.cli.audit import audit_all, findings

    settings = load_settings(warehouse=warehouse)
    audited = audit_all(settings, tickers or [], sessions, _console)
    _console.print(findings(audited))
    leaks = sum(forecast.leaks for forecast in audited)
    _console.print(f"{leaks} changed of {len(audited)}")
    if leaks:
        raise typer.Exit(1)


@app.command()
def dictionary(warehouse: WarehouseOption = None) -> None:
    """Print what every table and column means, as Markdown."""
    from stockjax.warehouse import Warehouse
    from stockjax.warehouse.dictionary import data_dictionary

    typer.echo(data_dictionary(Warehouse(load_settings(warehouse=warehouse).warehouse)), nl=False)


@app.command()
def version() -> None:
    """Print the release."""
    typer.echo(__version__)


def _asked(
    tickers: list[str] | None,
    source: str | None,
    path: Path | None,
    warehouse: Path | None,
    trials: int | None = None,
) -> Settings:
    """The settings under the flags that every flow has."""
    return load_settings(
        tickers=tuple(tickers) if tickers else None,
        source=source or ("files" if path else None),
        path=path,
        warehouse=warehouse,
        tune={"trials": trials} if trials else None,
    )


def _print_night(settings: Settings, tickers: tuple[str, ...], as_of: date) -> None:
    from stockjax.reporting.tables import forecast_table, score_table
    from stockjax.warehouse import Warehouse

    warehouse = Warehouse(settings.warehouse)
    _console.print(forecast_table(warehouse, tickers, as_of))
    _console.print(score_table(warehouse, tickers, as_of))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every failure is one sentence and an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        app(given, prog_name="stockjax")
    except StockjaxError as error:
        if debug:
            raise
        print(f"stockjax: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        print(
            f"stockjax: {type(error).__name__}: {error}; run it again with --debug before the command "
            "to see where, and please report it",
            file=sys.stderr,
        )
        sys.exit(StockjaxError.exit_code)


if __name__ == "__main__":
    main()
