"""What `stockjax audit` shows while it works, and at its end."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from stockjax.audit import Audited, audit, auditable
from stockjax.settings import Settings
from stockjax.training.compilation import use_compilation_cache
from stockjax.warehouse import Warehouse
from stockjax.warehouse.perturbed import PERTURBATIONS, Perturbation

MAX_LEAKS = 20
"""Changed forecasts that are named; they are counted to the last."""


def audit_all(settings: Settings, tickers: Sequence[str], sessions: int, console: Console) -> list[Audited]:
    """Audit some sessions of the ledger, with a progress bar on a terminal."""
    use_compilation_cache(settings.cache)
    warehouse = Warehouse(settings.warehouse, settings.lock_timeout)
    chosen = auditable(warehouse, tickers, sessions)
    found: list[Audited] = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        work = bar.add_task("", total=len(chosen) * len(PERTURBATIONS))
        for as_of, forecast in chosen.items():
            bar.update(work, description=f"{as_of}, {len(forecast)} tickers")
            found += audit(
                warehouse, as_of, forecast, settings, progress=lambda alteration: bar.advance(work)
            )
    return found


def findings(audited: Sequence[Audited]) -> RenderableType:
    """Sessions and models with the forecasts that changed in each world, and those by name."""
    prices = _counts(
        audited,
        ("cut", "corrupted", "shuffled"),
        "Forecasts of the past, made again",
        "How many changed when what came after the session was cut off, corrupted, shuffled.",
    )
    universe = _counts(
        audited,
        ("ended", "begun", "disproved", "restated"),
        "The same with another universe, and with what became known later",
        "How many changed when tickers ended or began after the session, when its bars were disproved by "
        "the next ones, when prices were restated later.",
    )
    leaks = [one for one in audited if one.leaks]
    lines = [
        f"{one.ticker} {one.as_of} {one.model}: {', '.join(columns)} changed when {name}"
        for one in leaks[:MAX_LEAKS]
        for name, columns in one.changed.items()
        if columns
    ]
    if len(leaks) > MAX_LEAKS:
        lines.append(f"and {len(leaks) - MAX_LEAKS} more forecasts")
    parts = [Text("\n".join(lines))] if lines else []
    return Group(prices, universe, *parts)


def _counts(audited: Sequence[Audited], names: Sequence[Perturbation], title: str, caption: str) -> Table:
    """How many forecasts of each session and model changed by each of the alterations."""
    table = Table(title=title, caption=caption)
    for heading in ("session", "model", "forecasts", *names):
        table.add_column(heading, justify="left" if heading in {"session", "model"} else "right")
    for as_of, model in dict.fromkeys((one.as_of, one.model) for one in audited):
        some = [one for one in audited if (one.as_of, one.model) == (as_of, model)]
        counts = [sum(bool(one.changed.get(name)) for one in some) for name in names]
        table.add_row(str(as_of), model, str(len(some)), *map(str, counts))
    return table
