"""`stockjax models`: list, show, roll back and promote models."""

import getpass
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.text import Text

from stockjax.cli.options import WarehouseOption
from stockjax.errors import UsageError
from stockjax.reporting.uncut import UncutTable
from stockjax.settings import Settings, load_settings

if TYPE_CHECKING:
    from stockjax.warehouse import Warehouse
    from stockjax.warehouse.model_history import Cause


class ListFormat(StrEnum):
    """How `stockjax models` prints what it found."""

    table = "table"
    json = "json"


app = typer.Typer(help="List, show, roll back and promote the networks that forecast.", rich_markup_mode=None)
_console = Console()

TickersArgument = Annotated[list[str] | None, typer.Argument(help="Tickers; default: all, and the base.")]
RunOption = Annotated[
    str | None,
    typer.Option("--run", help="A night, by the start of its run_id: the models it forecast with."),
]

FormatOption = Annotated[ListFormat, typer.Option(help="How to print the answer.")]
ReasonOption = Annotated[str | None, typer.Option(help="Why; kept in model_changes.")]


@app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    """List, show, roll back and promote the networks that forecast."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(
    tickers: TickersArgument = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Those active at the close of that day.")
    ] = None,
    run: RunOption = None,
    format: FormatOption = ListFormat.table,
    warehouse: WarehouseOption = None,
) -> None:
    """List the active models and the challengers; for named tickers, all models of the nights."""
    from stockjax.registry.activation import known_tickers, models_at, models_of_run
    from stockjax.warehouse.model_history import read_rows

    made = _warehouse(load_settings(warehouse=warehouse))
    _only_one({"--on": on, "--run": run})
    rows: Sequence[Mapping[str, Any]]
    if on:
        rows = models_at(made, on.date(), tickers or ())
    elif run:
        rows = models_of_run(made, run, tickers or ())
    else:
        unknown = sorted(set(tickers or ()) - set(known_tickers(made)))
        if unknown:
            raise UsageError(
                f"there is no model of '{unknown[0]}'; stockjax models list shows those that are"
            )
        rows = read_rows(made, "models_of_tickers", tickers=tickers or [])
    if not rows:
        raise UsageError("no night has trained a model yet; run: stockjax run")
    _print(rows, _table(rows), format)


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="A model_id, or a ticker: its active model.")],
    format: FormatOption = ListFormat.table,
    warehouse: WarehouseOption = None,
) -> None:
    """Show all that is known of one model, and every change of its status."""
    from stockjax.warehouse.model_history import read_rows

    made = _warehouse(load_settings(warehouse=warehouse))
    found = read_rows(made, "models_by_id", model_ids=[what])
    if not found:
        found = [
            row
            for row in read_rows(made, "active_models", as_of=date.max, tickers=[what])
            if row["status"] == "champion"
        ]
    if not found:
        raise UsageError(
            f"there is no model '{what}', nor one of a ticker of that name; see stockjax models list"
        )
    (row,) = found
    changes = read_rows(made, "changes_of_models", model_ids=[row["model_id"]])
    _print({**row, "changes": changes}, _details(row, changes), format)


@app.command()
def rollback(
    tickers: TickersArgument = None,
    to: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Activate those that were active at the close of that day."),
    ] = None,
    run: RunOption = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Back to this model, by its model_id; may be repeated.")
    ] = None,
    reason: ReasonOption = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Activate earlier models for the next forecasts; the ledger stays unchanged."""
    from stockjax.registry.activation import models_at, models_of_run, models_once_active

    settings = load_settings(warehouse=warehouse)
    _only_one({"--to": to, "--run": run, "--model": model})
    if model and tickers:
        raise UsageError("a model says itself what ticker it is of; leave either --model or the tickers out")
    made = _warehouse(settings)
    with _alone(settings):
        if to:
            rows = models_at(made, to.date(), tickers or ())
        elif run:
            rows = models_of_run(made, run, tickers or ())
        elif model:
            rows = models_once_active(made, model)
        else:
            raise UsageError("say how far back: --to DATE, --run RUN_ID or --model MODEL_ID")
        _change(settings, rows, "rollback", reason)


@app.command()
def promote(
    model: Annotated[list[str], typer.Argument(help="Models, by their model_id: challengers, or any other.")],
    reason: ReasonOption = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Activate models, whatever their status, for the next forecasts."""
    from stockjax.registry.activation import models_named

    settings = load_settings(warehouse=warehouse)
    made = _warehouse(settings)
    with _alone(settings):
        _change(settings, models_named(made, model), "promote", reason)


def _warehouse(settings: Settings) -> "Warehouse":
    from stockjax.warehouse import Warehouse

    made = Warehouse(settings.warehouse, settings.lock_timeout)
    made.check_current()
    return made


@contextmanager
def _alone(settings: Settings) -> Generator[None]:
    """While no nightly run is active, which would have loaded the models that were active before."""
    from stockjax.nightly.run_lock import RunLock

    run_lock = RunLock(settings)
    run_lock.acquire("forecast", typer.echo)
    try:
        yield
    finally:
        run_lock.release()


def _change(
    settings: Settings, rows: Sequence[Mapping[str, Any]], cause: "Cause", reason: str | None
) -> None:
    """Activate the models and print the result."""
    from stockjax.registry.activation import activate_models

    done = activate_models(
        _warehouse(settings), rows, cause=cause, moment=datetime.now(UTC), who=_user(), reason=reason
    )
    for change in done.changes:
        before = f"instead of {change.displaced}" if change.displaced else "where there was none"
        who = Text(
            f"{change.ticker or 'base'}: {change.model_id} {before}, for sessions from {change.since} on"
        )
        _console.print(who, soft_wrap=True)
    for problem in done.problems.values():
        _console.print(Text(problem), soft_wrap=True)
    _console.print(
        f"{len(done.changes)} activated, {len(done.already)} were active already, "
        f"{len(done.problems)} could not be"
    )
    if done.problems:
        raise typer.Exit(1)


def _user() -> str | None:
    """Who gives the command, where the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _print(found: Any, text: UncutTable | Text, form: ListFormat) -> None:
    """For people, or as one JSON value with days and moments in ISO 8601."""
    if form is ListFormat.json:
        typer.echo(json.dumps(found, default=lambda value: value.isoformat(), ensure_ascii=False))
    else:
        _console.print(text, soft_wrap=isinstance(text, Text))


def _only_one(options: Mapping[str, Any]) -> None:
    given = [name for name, value in options.items() if value]
    if len(given) > 1:
        raise UsageError(f"give one of {' and '.join(given)}, not both")


def _table(rows: Sequence[Mapping[str, Any]]) -> UncutTable:
    table = UncutTable(title="Models", box=box.SIMPLE, pad_edge=False, collapse_padding=True)
    for heading in ("ticker", "model", "status", "trained on", "since", "loss"):
        table.add_column(heading, justify="right" if heading == "loss" else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row["ticker"] or "(base)"),
            row["model_id"],
            f"{row['status']}{', deleted' if row['purged_at'] else ''}",
            str(row["trained_through"]),
            str(row["since"] or ""),
            f"{row['validation_loss']:.4f}",
        )
    return table


def _details(row: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> Text:
    text = json.loads(row["hyperparameters"])
    lines = [
        f"{row['model_id']}: {row['role']}{' of ' + row['ticker'] if row['ticker'] else ''}, {row['status']}",
        f"trained through {row['trained_through']} at {row['trained_at']:%Y-%m-%d %H:%M} UTC, "
        f"held-out loss {row['validation_loss']:.4f}, stopped at step {text.get('stopped_at')}",
        f"mode {text.get('mode')}, {text.get('hidden')} units, {text.get('seeds')} networks, "
        f"seed {row['seed']}",
        f"parent {row['parent_id'] or 'none'}",
        f"data {row['data_hash']}, code {row['code_version']}",
        f"file {row['path']}" + (f", deleted on {row['purged_at']:%Y-%m-%d}" if row["purged_at"] else ""),
        *map(_details_text, changes),
    ]
    return Text("\n".join(lines))


def _details_text(change: Mapping[str, Any]) -> str:
    """One change of status: when, from what to what, by whom and why."""
    by = f"run {change['run_id'][:8]}" if change["run_id"] else change["changed_by"]
    said = ", ".join(str(part) for part in (change["cause"], by, change["reason"]) if part)
    before = f"{change['previous']} to " if change["previous"] else ""
    return (
        f"{change['changed_at']:%Y-%m-%d %H:%M} UTC: {before}{change['status']} "
        f"from {change['since']} on ({said})"
    )
