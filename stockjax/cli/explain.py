"""`stockjax explain`: what a forecast was made from, and whether it comes out again bit for bit."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from stockjax.cli.options import WarehouseOption
from stockjax.errors import NotReproducibleError
from stockjax.reporting.uncut import UncutTable
from stockjax.settings import load_settings

if TYPE_CHECKING:
    from stockjax.reproduce import Reproduction

_console = Console()


def explain(
    ticker: Annotated[str, typer.Argument(help="Ticker of the forecast.")],
    day: Annotated[
        datetime,
        typer.Argument(
            metavar="DATE", formats=["%Y-%m-%d"], help="Session it was made from (as_of), or see --target."
        ),
    ],
    target: Annotated[
        bool, typer.Option("--target", help="DATE is the session that it is about (target).")
    ] = False,
    features: Annotated[int, typer.Option(min=0, help="Features that are shown, the largest first.")] = 8,
    warehouse: WarehouseOption = None,
) -> None:
    """Show what a forecast was made from and make it again: every bit must come out the same."""
    from stockjax.reproduce import ledger_rows, reproduce
    from stockjax.training.compilation import use_compilation_cache
    from stockjax.warehouse import Warehouse

    settings = load_settings(warehouse=warehouse)
    made = Warehouse(settings.warehouse, settings.lock_timeout)
    rows = ledger_rows(made, ticker, day.date(), by_target=target)
    use_compilation_cache(settings.cache)
    found = [reproduce(made, row) for row in rows]
    for origin in dict.fromkeys(str(one.row["origin"]) for one in found):
        _print_origin([one for one in found if one.row["origin"] == origin], features)
    other = [one for one in found if not one.same]
    _console.print(f"{len(found) - len(other)} of {len(found)} forecasts came out again, {_precision(found)}")
    if other:
        raise NotReproducibleError(_verdict(other))


def _print_origin(found: Sequence["Reproduction"], features: int) -> None:
    """The forecasts of one night, or of one backtest, from the session."""
    first = found[0]
    row = first.row
    lines = [
        f"{row['ticker']} from {row['as_of']:%Y-%m-%d} for {row['target']:%Y-%m-%d}: {row['origin']}, "
        f"written {row['created_at']:%Y-%m-%d %H:%M} UTC by run {row['run_id'][:8]}"
    ]
    if first.seen:
        history = first.seen.asof.history
        lines.append(
            f"prices from {history.sessions[first.seen.row, 0]} to {row['as_of']:%Y-%m-%d} as known at "
            f"{row['read_at']:%Y-%m-%d %H:%M:%S} UTC, market of {len(history.tickers)} tickers"
        )
    lines += [
        f"{one.row['model']}: {one.row['predicted_close']:.4f}, 90% {one.row['q05']:.4f} to "
        f"{one.row['q95']:.4f}, scale {one.row['scale']:.4%}, {_outcome(one)}"
        for one in found
    ]
    _console.print(Text("\n".join(lines)), soft_wrap=True)
    for one in found:
        if one.seen and one.seen.model:
            _print_network(one, features)


def _outcome(one: "Reproduction") -> str:
    return "the same again" if one.same else f"not the same again ({', '.join(one.differing)})"


def _print_network(one: "Reproduction", features: int) -> None:
    """The network and what its inputs added to the log-scale."""
    from stockjax.features.event_inputs import EVENT_FEATURES, EVENT_UNITS

    if one.seen is None or one.seen.model is None:
        return
    seen, model = one.seen, one.seen.model
    contributions, start = seen.contributions()
    volatility = float(seen.asof.features.volatility[seen.row, seen.position])
    _console.print(
        Text(
            f"model {model.model_id}, trained through {model.trained_through} on data {model.data_hash}, "
            f"parent {model.parent_id or 'none'}\n"
            f"EWMA volatility {volatility:.4%}, log-scale without inputs {start:+.4f}, "
            f"with them {start + sum(contributions.values()):+.4f}"
        ),
        soft_wrap=True,
    )
    of_events = sum(contributions[name] for name in EVENT_FEATURES)
    if of_events:
        _console.print(
            Text(
                f"announcements add {of_events:+.4f} to the log-scale: "
                f"intervals {math.exp(of_events):.2f} times as wide"
            ),
            soft_wrap=True,
        )
    ordered = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    today = dict(zip(contributions, seen.asof.features.inputs[seen.row, seen.position].tolist(), strict=True))
    today |= {name: today[name] / unit for name, unit in zip(EVENT_FEATURES, EVENT_UNITS, strict=True)}
    table = UncutTable(title="What the features added to the log-scale")
    for heading in ("feature", "that day", "added"):
        table.add_column(heading, justify="left" if heading == "feature" else "right")
    for name, value in ordered[:features]:
        table.add_row(name, f"{today[name]:.3f}", f"{value:+.4f}")
    if len(ordered) > features:
        rest = sum(value for _, value in ordered[features:])
        table.add_row(f"the other {len(ordered) - features}", "", f"{rest:+.4f}")
    _console.print(table)


def _precision(found: Sequence["Reproduction"]) -> str:
    """How closely the forecasts were compared."""
    from stockjax.reproduce import TOLERANCE

    elsewhere = next((one for one in found if one.other_processor), None)
    if elsewhere is None:
        return "bit for bit"
    named = [cause for cause in elsewhere.causes if cause.startswith(("processor ", "machine "))]
    return f"within {TOLERANCE:g} of their scale ({'; '.join(named)})"


def _verdict(other: Sequence["Reproduction"]) -> str:
    """What differs, in one sentence."""
    which = ", ".join(f"{one.row['model']} ({one.row['origin']})" for one in other)
    causes = list(dict.fromkeys(cause for one in other for cause in one.causes))
    found = "; ".join(causes) or "prices, model, code and libraries are those of the run: report it, please"
    return f"not the same again: {which}; {found}"
