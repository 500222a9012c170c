"""A night on one page of Markdown, for the run's page in the Prefect UI."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from stockjax.reporting.next_reports import (
    next_reports,
    report_text,
    reports_before_close,
    width_reason,
)
from stockjax.reporting.plots import actual_against_predicted, data_url
from stockjax.reporting.series import by_ticker, read_series
from stockjax.reporting.text import records
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import newest_forecasts, read_table

MAX_ROWS = 40
"""Tickers in each table; the table artifact, the report and SQL have them all."""
MAX_PICTURES = 6
"""Tickers with a chart."""
PICTURED_SESSIONS = 63

# Signs of Markdown and HTML, and what makes addresses into links by themselves.
_MARKUP = re.compile(r"[&<>\\`*_~|!#@{}\[\]]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def cell(value: object) -> str:
    """Foreign text inside a Markdown table: neither markup nor a link nor the end of a cell.

    By backslashes, which Prefect's UI takes back; of HTML's entities it knows only a few.
    """
    one_line = " ".join(str(value).split())
    return _MARKUP.sub(r"\\\g<0>", one_line)


def share(value: object) -> str:
    """A share in percent; a dash where there is none."""
    return f"{100 * value:.1f}%" if isinstance(value, float) and not pd.isna(value) else "–"


def count(value: object) -> str:
    """A figure, or several by name."""
    if isinstance(value, Mapping):
        return cell(", ".join(f"{name} {number}" for name, number in value.items()) or "none")
    return cell(value)


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("stockjax.reporting"),
    autoescape=False,  # noqa: S701  it is Markdown; `cell` makes foreign text harmless
    undefined=jinja2.StrictUndefined,
)
_templates.filters.update(cell=cell, share=share, count=count)


def night_digest(
    warehouse: Warehouse,
    *,
    as_of: date,
    tickers: Sequence[str],
    message: str,
    figures: Mapping[str, object],
    failures: Mapping[str, str],
    report: Path,
    drift: Sequence[str] = (),
    decisions: Sequence[str] = (),
) -> str:
    """Forecasts, scores, what went wrong and a few charts of one night.

    Parameters
    ----------
    figures
        Counts of ingest, by name.
    failures
        Why, for every ticker that is not as it should be.
    drift
        The night's alarms of drift.
    decisions
        Lines on how many models were trained, promoted, rejected or kept.

    """
    asked = {"tickers": list(tickers)}
    with warehouse.hold_committed():
        forecasts = newest_forecasts(warehouse, tickers, as_of)
        scores = read_table(warehouse, "scores_table", **asked, until=as_of)
        watched = read_table(warehouse, "drift_watched", as_of=as_of)
        reports = next_reports(warehouse, tickers, as_of)
        pictures = _pictures(warehouse, as_of, list(tickers)[:MAX_PICTURES])
    return _templates.get_template("night.md.j2").render(
        as_of=as_of,
        message=message,
        forecasts=records(forecasts[forecasts["model"] == "lstm"]),
        scores=records(scores[scores["model"] == "lstm"]),
        figures=figures,
        failures=failures,
        watched=records(watched),
        drift=drift,
        decisions=decisions,
        reporting=reports_before_close(reports, tickers) if reports else None,
        reports={ticker: report_text(row) for ticker, row in reports.items()},
        wide=_wide(reports),
        pictures=pictures,
        report=report,
        most=MAX_ROWS,
    )


def _wide(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By ticker, why its interval is unusually wide."""
    found = {ticker: width_reason(row) for ticker, row in reports.items()}
    return {ticker: reason for ticker, reason in found.items() if reason}


def forecast_rows(warehouse: Warehouse, as_of: date, tickers: Sequence[str]) -> list[dict[str, Any]]:
    """Tonight's forecasts of all models, each a row of plain values."""
    table = newest_forecasts(warehouse, tickers, as_of)
    columns = ["ticker", "model", "as_of", "target", "basis_close", "predicted_close"]
    quantiles = ["q05", "q25", "q75", "q95"]
    days = {name: table[name].dt.strftime("%Y-%m-%d") for name in ("as_of", "target")}
    return records(table.assign(**days)[[*columns, *quantiles]].round(4))


def _pictures(warehouse: Warehouse, as_of: date, tickers: Sequence[str]) -> dict[str, str]:
    series = read_series(warehouse, tickers, as_of, PICTURED_SESSIONS)
    return {ticker: data_url(actual_against_predicted(ticker, rows)) for ticker, rows in by_ticker(series)}
