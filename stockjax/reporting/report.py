"""The HTML report of a session: one page that opens from disk, its charts drawn on demand."""

import re
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import plotly
from plotly.offline.offline import get_plotlyjs

from stockjax.errors import NothingToForecast
from stockjax.reporting.plain import records
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table

CHARTED_SESSIONS = 252
"""Sessions that a ticker's chart goes back."""

PAGE = "index.html"
SEARCH_PAGE = "tuning.html"
"""Pages in a session's folder: the night's, and that of a search as of it."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("stockjax.reporting"), autoescape=True, undefined=jinja2.StrictUndefined
)


def write_report(warehouse: Warehouse, as_of: date, tickers: Sequence[str]) -> Path:
    """Write `reports/<as_of>/index.html` and, once, the chart library beside the folders.

    Everything is read from the readers' copy; the page needs no network.
    """
    page = report_folder(warehouse, as_of) / PAGE
    write_whole(page, _render(warehouse, as_of, list(tickers), chart_library(warehouse)))
    return page


def report_folder(warehouse: Warehouse, as_of: date) -> Path:
    """The folder of a session's pages, made if it is not there."""
    folder = warehouse.reports / as_of.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def chart_library(warehouse: Warehouse) -> str:
    """Where pages find the chart library, which lies once beside their folders."""
    library = warehouse.reports / f"plotly-{plotly.__version__}.min.js"
    if not library.exists():
        write_whole(library, get_plotlyjs())
    return f"../{library.name}"


def write_latest_report(warehouse: Warehouse, as_of: date | None = None) -> Path:
    """Write the report of `as_of`, or of the newest forecasts.

    Raises
    ------
    NothingToForecast
        The ledger has no forecast to report on.
    SnapshotMissing
        There is no warehouse.

    """
    known = read_table(warehouse, "reportable_sessions")
    chosen = known if as_of is None else known[known["as_of"] == pd.Timestamp(as_of)]
    if chosen.empty:
        raise NothingToForecast("the ledger has no such forecasts to report on; run: stockjax run")
    newest = chosen.iloc[0]
    return write_report(warehouse, newest["as_of"].date(), list(newest["tickers"]))


def forecast_tickers(warehouse: Warehouse, as_of: date) -> list[str]:
    """All that the ledger has forecast from a session."""
    known = read_table(warehouse, "reportable_sessions")
    return [name for names in known.loc[known["as_of"] == pd.Timestamp(as_of), "tickers"] for name in names]


def purge_reports(warehouse: Warehouse, before: date) -> int:
    """Delete the reports of sessions before a date; returns how many. Each can be written again."""
    if not warehouse.reports.is_dir():
        return 0
    old = [
        folder
        for folder in warehouse.reports.iterdir()
        if _DAY.fullmatch(folder.name) and folder.name < before.isoformat()
    ]
    for folder in old:
        shutil.rmtree(folder)
    return len(old)


def _render(warehouse: Warehouse, as_of: date, tickers: list[str], library: str) -> str:
    forecasts = read_table(warehouse, "report_forecasts", tickers=tickers, as_of=as_of)
    scores = read_table(warehouse, "scores_table", tickers=tickers, until=as_of)
    scored = read_table(warehouse, "report_history", tickers=tickers, as_of=as_of, sessions=CHARTED_SESSIONS)
    states = read_table(warehouse, "report_states", tickers=tickers)
    leaderboard = read_table(warehouse, "report_leaderboard")
    lstm = scores[scores["model"] == "lstm"]
    return _templates.get_template("report.html.j2").render(
        as_of=as_of,
        target=forecasts["target"].iloc[0].date() if len(forecasts) else None,
        library=library,
        search=SEARCH_PAGE if (warehouse.reports / as_of.isoformat() / SEARCH_PAGE).exists() else None,
        states=records(states),
        leaderboard=records(leaderboard),
        asked=len(tickers),
        forecast=forecasts["ticker"].nunique(),
        rows=records(forecasts.merge(lstm, on="ticker", how="left", suffixes=("", "_score"))),
        better_than_walk=int((lstm["mae_skill"] > 0).sum()),
        better_than_har=int((lstm["pinball_skill"] > 0).sum()),
        scored=len(lstm),
        coverage_90=float(lstm["coverage_90"].mean()) if len(lstm) else None,
        charts=_charts(scored, forecasts),
    )


def _charts(scored: pd.DataFrame, forecasts: pd.DataFrame) -> dict[str, dict[str, list[Any]]]:
    """By ticker, the series of its chart; tonight's forecast is the last point, without outcome."""
    columns = ["target", "actual_close", "predicted_close", "q05", "q25", "q75", "q95"]
    tonight = forecasts.assign(actual_close=np.nan)
    both = pd.concat([scored[["ticker", *columns]], tonight[["ticker", *columns]]])
    charts = {}
    for ticker, rows in both.sort_values("target").groupby("ticker", sort=False):
        table = rows[columns].assign(target=rows["target"].dt.strftime("%Y-%m-%d"))
        charts[str(ticker)] = {
            name: [None if pd.isna(value) else value for value in table[name].round(4).tolist()]
            if name != "target"
            else table[name].tolist()
            for name in columns
        }
    return charts


def write_whole(path: Path, text: str) -> None:
    """Put a page in place in one step."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
