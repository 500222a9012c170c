"""The HTML report of a session: pages that open from disk, charts drawn on demand."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from stockjax.errors import NothingToForecastError
from stockjax.reporting.next_reports import (
    next_reports,
    report_text,
    reports_before_close,
    width_reason,
)
from stockjax.reporting.report_folder import SEARCH_PAGE, chart_library, publish, report_folder
from stockjax.reporting.series import QUANTILES, decimals, read_series
from stockjax.reporting.series_scripts import TOGETHER, packed_calibration, scripts
from stockjax.reporting.summary import summary
from stockjax.reporting.text import records
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table

_TEMPLATES = resources.files("stockjax.reporting") / "templates"
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("stockjax.reporting"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_report(warehouse: Warehouse, as_of: date, tickers: Sequence[str]) -> Path:
    """Write `reports/<as_of>/index.html`, the series of its charts and the chart library.

    Everything is read at one moment, up to `as_of` but for the states of tickers, which are those of now;
    the page needs no network. The same warehouse gives the same bytes. Tickers may be
    given in any order, and more than once.
    """
    names = sorted(set(tickers))
    with warehouse.hold_committed():
        series = read_series(warehouse, names, as_of)
        facts = _facts(warehouse, as_of, names, series)
    search = SEARCH_PAGE if (report_folder(warehouse, as_of) / SEARCH_PAGE).exists() else None
    library = chart_library(warehouse, as_of)

    def render(folder: str) -> str:
        return _templates.get_template("report.html.j2").render(
            **facts, series=folder, library=library, search=search, **_assets()
        )

    return publish(warehouse, as_of, scripts(names, series), render)


def write_latest_report(warehouse: Warehouse, as_of: date | None = None) -> Path:
    """Write the report of `as_of`, or of the newest forecasts.

    Raises
    ------
    NothingToForecastError
        The ledger has no forecast to report on.
    SnapshotMissingError
        There is no warehouse.

    """
    chosen = records(read_table(warehouse, "report_session", as_of=as_of))
    if not chosen:
        raise NothingToForecastError("the ledger has no such forecasts to report on; run: stockjax run")
    session = chosen[0]["as_of"].date()
    tickers = forecast_tickers(warehouse, session)
    if chosen[0]["newest"]:
        tickers += read_table(warehouse, "surveyed_tickers")["ticker"].tolist()
    return write_report(warehouse, session, tickers)


def forecast_tickers(warehouse: Warehouse, as_of: date) -> list[str]:
    """All whom nights had forecast beyond a session."""
    return read_table(warehouse, "report_tickers", as_of=as_of)["ticker"].tolist()


def _facts(warehouse: Warehouse, as_of: date, tickers: list[str], series: pd.DataFrame) -> dict[str, object]:
    """What the page tells, by the names of its template."""
    asked = {"tickers": tickers}
    forecasts = read_table(warehouse, "report_forecasts", **asked, as_of=as_of)
    scores = read_table(warehouse, "scores_table", **asked, until=as_of)
    leaderboard = read_table(warehouse, "report_leaderboard", as_of=as_of)
    lstm = scores[scores["model"] == "lstm"]
    reports = next_reports(warehouse, tickers, as_of)
    rows = _rows(tickers, forecasts, lstm, scores[scores["model"] == "random_walk"], reports)
    known = {row["ticker"] for row in rows}
    return {
        "as_of": as_of,
        "targets": sorted({day.date() for day in forecasts["target"]}),
        "summary": summary(tickers, forecasts, lstm, leaderboard),
        "states": records(read_table(warehouse, "report_states", **asked)),
        "drift": records(read_table(warehouse, "drift_alarms", **asked, as_of=as_of)),
        "leaderboard": records(leaderboard),
        "rows": rows,
        "reporting": reports_before_close(reports, tickers) if reports else None,
        "page": {
            "tickers": [ticker for ticker in tickers if ticker in known],
            "numbers": [number for number, ticker in enumerate(tickers) if ticker in known],
            "together": TOGETHER,
            "quantiles": list(QUANTILES.values()),
            **packed_calibration(series),
        },
    }


def _rows(
    tickers: list[str],
    forecasts: pd.DataFrame,
    lstm: pd.DataFrame,
    walk: pd.DataFrame,
    reports: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, object]]:
    """A line for each ticker with a forecast or a score, in their order."""
    walks = walk[["ticker", "return_rmse", "return_mae"]]
    scores = lstm.merge(walks, on="ticker", how="left", suffixes=("", "_walk"))
    every = pd.DataFrame({"ticker": tickers}).merge(forecasts, on="ticker", how="left")
    every = every.merge(scores, on="ticker", how="left", suffixes=("", "_score"))
    every = every[every["basis_close"].notna() | every["n"].notna()]
    return [
        {
            **row,
            "decimals": decimals([row["basis_close"] or 1.0]),
            "reports": report_text(reports.get(row["ticker"])),
            "wide": width_reason(reports[row["ticker"]]) if row["ticker"] in reports else "",
        }
        for row in records(every)
    ]


def _assets() -> dict[str, Markup]:
    """The page's style and script, which are part of it, and the fingerprint by which a browser runs it."""
    script = "".join(_asset(name) for name in ("charts.js", "report.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return {
        "style": Markup(_asset("report.css")),  # noqa: S704  ours
        "script": Markup(script),  # noqa: S704  ours
        "script_hash": Markup(f"sha256-{digest}"),  # noqa: S704  base64
    }


def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
