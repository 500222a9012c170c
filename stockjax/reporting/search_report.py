"""What a search shows: a table, a picture, a page of Markdown and one of HTML."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType

from stockjax.reporting.markdown_summary import cell
from stockjax.reporting.plots import data_url, search_so_far
from stockjax.reporting.report import write_latest_report
from stockjax.reporting.report_folder import PAGE, SEARCH_PAGE, chart_library, report_folder
from stockjax.reporting.report_folder import write_whole as write_page
from stockjax.reporting.text import records
from stockjax.reporting.uncut import UncutTable
from stockjax.warehouse import Warehouse

MAX_TRIALS = 10
"""Trials in the tables for people; the page has them all."""

_HEADINGS = ("trial", "what is different", "loss, bps", "better by, %", "95% interval", "folds", "")

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("stockjax.reporting"), autoescape=True, undefined=jinja2.StrictUndefined
)


def search_table(trials: pd.DataFrame, searched: Sequence[str]) -> RenderableType:
    """The best trials for the terminal.

    Parameters
    ----------
    trials
        Best first: number, changes, outcome, folds, loss, skill, low, high, reason and one column
        for each setting that was searched.
    searched
        The names of those settings.

    """
    table = UncutTable(
        title="Settings of training, tried on the past",
        caption="bps: pinball loss. Better by: % less of it than the current settings, on the same days.",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    names = [name.replace("_", "\n") for name in searched]
    for heading in ("#", *names, "bps", "better\nby", "95%\ninterval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in records(_best(trials)):
        number, _, loss, better, interval, _, remark = _cells_of(row)
        values = [f"{row[name]:.2g}" for name in searched]
        table.add_row(number, *values, loss, better, row["outcome"] if remark else interval)
    return table


def search_digest(trials: pd.DataFrame, as_of: date, message: str, page: Path) -> str:
    """The same as Markdown with a picture, for the run's page in the Prefect UI."""
    rule = ["--:" if heading not in {"what is different", ""} else ":--" for heading in _HEADINGS]
    rows = [_HEADINGS, rule, *([cell(value) for value in cells] for cells in _cells(_best(trials)))]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"# Settings of training, searched as of {as_of}\n\n{cell(message)}\n\n{table}\n\n"
        f"![trials]({data_url(search_so_far(trials))})\n\nThe whole search: `{page}`\n"
    )


def write_search_page(
    warehouse: Warehouse, trials: pd.DataFrame, as_of: date, message: str, searched: Sequence[str]
) -> Path:
    """Write `reports/<as_of>/tuning.html`, and a link to it into the night's page if that is there.

    Parameters
    ----------
    searched
        The settings that were searched: columns of `trials`, each a chart.

    """
    page = report_folder(warehouse, as_of) / SEARCH_PAGE
    text = _templates.get_template("search.html.j2").render(
        as_of=as_of,
        message=message,
        library=chart_library(warehouse, as_of),
        headings=_HEADINGS,
        rows=_cells(trials),
        trials=records(trials.sort_values("number")),
        searched=list(searched),
    )
    write_page(page, text)
    if (page.parent / PAGE).exists():
        write_latest_report(warehouse, as_of)
    return page


def _best(trials: pd.DataFrame) -> pd.DataFrame:
    """The best trials, and below them the current settings."""
    first = trials.head(MAX_TRIALS)
    rest = trials.iloc[MAX_TRIALS:]
    return pd.concat([first, rest[rest["current"]]])


def _cells(trials: pd.DataFrame) -> list[list[str]]:
    return [_cells_of(row) for row in records(trials)]


def _cells_of(row: dict[str, Any]) -> list[str]:
    scored = row["loss"] is not None
    compared = scored and not row["current"]
    return [
        str(row["number"]),
        row["changes"],
        f"{row['loss']:.2f}" if scored else "–",
        f"{100 * row['skill']:+.2f}" if compared else "–",
        f"{100 * row['low']:+.2f}…{100 * row['high']:+.2f}" if compared else "–",
        str(row["folds"]),
        row["reason"] or ("" if row["outcome"] == "completed" else row["outcome"]),
    ]
