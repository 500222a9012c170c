"""What a run prints: forecasts, and how far off they have been."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from stockjax.errors import UsageError
from stockjax.reporting.next_reports import (
    next_reports,
    report_text,
    reports_before_close,
    width_reason,
)
from stockjax.reporting.text import price_text, printable
from stockjax.reporting.uncut import UncutTable
from stockjax.scoring.skill import backtest_scores, scores_by_day
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import newest_forecasts, read_table

MAX_ROWS = 40
"""Tickers shown in the terminal; the report and SQL have them all."""


def forecast_table(warehouse: Warehouse, tickers: Sequence[str], until: date | None = None) -> RenderableType:
    """The newest LSTM forecast of every ticker, made from a session up to `until`."""
    rows = newest_forecasts(warehouse, tickers, until or date.max)
    rows = rows[rows["model"] == "lstm"]
    as_of = rows["as_of"].max().date() if len(rows) else date.max
    reports = next_reports(warehouse, tickers, as_of)
    targets = ", ".join(sorted({f"{day:%Y-%m-%d}" for day in rows["target"]}))
    table = UncutTable(title=f"Forecast close for {targets or 'no session'}")
    for heading in ("ticker", "last close", "forecast", "50% interval", "90% interval", "scale"):
        table.add_column(heading, justify="left" if heading == "ticker" else "right", no_wrap=True)
    for row in _records(rows):
        table.add_row(
            Text(printable(row["ticker"])),
            price_text(row["basis_close"]),
            price_text(row["predicted_close"]),
            f"{price_text(row['q25'])} … {price_text(row['q75'])}",
            f"{price_text(row['q05'])} … {price_text(row['q95'])}",
            f"{row['scale']:.2%}",
        )
    return Group(_with_rest(table, len(rows)), *_about_reports(reports, rows["ticker"].tolist()))


def _about_reports(reports: Mapping[str, Mapping[str, Any]], tickers: Sequence[str]) -> list[Text]:
    """How many tickers report before the next close, and why their intervals are wide."""
    if not reports:
        return []
    reasons = [(ticker, width_reason(row)) for ticker, row in reports.items()]
    lines = [printable(f"{ticker}: {reason}") for ticker, reason in reasons[:MAX_ROWS] if reason]
    return [Text("\n".join([reports_before_close(reports, tickers), *lines]))]


def score_table(warehouse: Warehouse, tickers: Sequence[str], until: date | None = None) -> RenderableType:
    """Errors of the LSTM over the 63 sessions up to `until`, next to random walk and HAR."""
    rows = read_table(warehouse, "scores_table", tickers=list(tickers), until=until or date.max)
    lstm = rows[rows["model"] == "lstm"]
    walk = rows[rows["model"] == "random_walk"]
    walks = dict(zip(walk["ticker"], walk["rmse"], strict=True))
    table = UncutTable(
        title="How far off the last 63 sessions were",
        caption="Skill: 1 - error / error of the random walk, of log returns; pinball: the same against HAR; "
        "above 0 is better. Nothing beats 'tomorrow = today' by much. 50%, 90%: closes inside the interval.",
    )
    for heading in (
        "ticker",
        "n",
        "RMSE",
        "walk",
        "RMSE skill",
        "MAE skill",
        "pinball",
        "50%",
        "90%",
    ):
        table.add_column(heading, justify="left" if heading == "ticker" else "right", no_wrap=True)
    for row in _records(lstm):
        table.add_row(
            Text(printable(row["ticker"])),
            str(row["n"]),
            price_text(row["rmse"], 3),
            price_text(walks[row["ticker"]], 3),
            _signed(row["rmse_skill"]),
            _signed(row["mae_skill"]),
            _signed(row["pinball_skill"]),
            f"{row['coverage_50']:.0%}",
            f"{row['coverage_90']:.0%}",
        )
    return _with_rest(table, len(lstm))


def backtest_table(warehouse: Warehouse, first: date, last: date, tickers: Sequence[str]) -> RenderableType:
    """Every model over a backtest, with intervals on its skill."""
    scores = backtest_scores(warehouse, first, last, list(tickers))
    if scores.empty:
        return "no forecast of that range has an outcome yet"
    counts = scores.iloc[0]
    errors = UncutTable(
        title=f"{counts['n']:.0f} forecasts of {counts['days']:.0f} sessions, from {first} to {last}",
        caption="Pinball loss and CRPS in basis points of the log return; skill: 1 - pinball loss / that of "
        "HAR or EWMA in %, with its 95% interval over days.",
    )
    intervals = UncutTable(
        title="Errors, and how often closes fell inside the intervals",
        caption="RMSE and MAE over those of the random walk; 90% also by terciles of volatility.",
    )
    points = UncutTable(
        title="Points and widths",
        caption="MAPE of the close; direction: share of signs that were right; interval score (Winkler) and "
        "width of the 90% interval in % of the price.",
    )
    for table, headings in (
        (errors, ("model", "pinball", "CRPS", "skill to HAR", "skill to EWMA")),
        (intervals, ("model", "RMSE", "MAE", "50%", "90%", "low", "middle", "high")),
        (points, ("model", "MAPE", "direction", "interval score", "width")),
    ):
        for heading in headings:
            table.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for model, row in scores.iterrows():
        errors.add_row(
            str(model),
            f"{1e4 * row['pinball']:.4g}",
            f"{1e4 * row['crps']:.4g}",
            _with_interval(row, "skill_har"),
            _with_interval(row, "skill_ewma"),
        )
        terciles = [f"{row[f'coverage_90_{name}']:.1%}" for name in ("low", "middle", "high")]
        intervals.add_row(
            str(model),
            f"{row['rmse_ratio']:.4f}",
            f"{row['mae_ratio']:.4f}",
            f"{row['coverage_50']:.1%}",
            f"{row['coverage_90']:.1%}",
            *terciles,
        )
        points.add_row(
            str(model),
            f"{row['mape']:.3%}",
            _share(row["direction"]),
            f"{row['winkler_90']:.2%}",
            f"{row['width_90']:.2%}",
        )
    return Group(
        errors, intervals, points, *_days_table(scores_by_day(warehouse, first, last, list(tickers)))
    )


def _days_table(scores: pd.DataFrame) -> list[UncutTable]:
    """Coverage and skill on sessions that react to an announcement, and on others; none without any."""
    if scores.empty:
        return []
    table = UncutTable(
        title="Sessions that react to an announcement, and others",
        caption="Skill: of pinball loss against HAR in %, with its 95% interval over days.",
    )
    for heading in ("target", "model", "n", "50%", "90%", "skill to HAR"):
        left = heading in {"target", "model"}
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for row in scores.to_dict("records"):
        interval = f"{_percent(row['skill'])} [{_percent(row['low'])}, {_percent(row['high'])}]"
        table.add_row(
            str(row["kind_of_day"]),
            str(row["model"]),
            str(row["n"]),
            f"{row['coverage_50']:.1%}",
            f"{row['coverage_90']:.1%}",
            interval if row["model"] == "lstm" else "–",
        )
    return [table]


def _share(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.1%}"


def _with_interval(row: Any, name: str) -> str:
    value, low, high = (_percent(row[key]) for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value} [{low}, {high}]" if row[name] else "–"


def _percent(share: float) -> str:
    """Of one width, so that tables of narrow terminals hold it."""
    return f"{100 * share:+.{2 if abs(share) < 0.1 else 1}f}"


def status_table(warehouse: Warehouse, tickers: Sequence[str], state: str | None = None) -> RenderableType:
    """State and freshness of every ticker, those with problems first.

    Parameters
    ----------
    tickers
        Those to be shown; all if empty.
    state
        Only tickers in this state.

    Raises
    ------
    SnapshotMissingError
        No run has written to this warehouse yet.
    UsageError
        A ticker is not in it.

    """
    rows = read_table(warehouse, "status_table")
    unknown = set(tickers) - set(rows["ticker"])
    if unknown:
        raise UsageError(f"no run has judged {', '.join(sorted(unknown))}; see stockjax status for all")
    if tickers:
        rows = rows[rows["ticker"].isin(list(tickers))]
    counts = rows["state"].value_counts()
    if state:
        rows = rows[rows["state"] == state]
    counted = ", ".join(f"{counts[name]} {name}" for name in counts.index) or "no tickers"
    table = UncutTable(title=f"Tickers: {counted}")
    for heading in ("ticker", "state", "exchange", "source", "last price", "behind", "forecast for"):
        table.add_column(heading, justify="right" if heading == "behind" else "left", no_wrap=True)
    outcomes = read_table(warehouse, "last_outcomes")
    known = rows["last_session"].dropna()
    until = known.max().date() if len(known) else date.max
    reports = next_reports(warehouse, rows["ticker"].tolist(), until)
    for row in rows.to_dict("records"):
        table.add_row(
            Text(printable(row["ticker"])),
            str(row["state"]),
            str(row["exchange"]),
            Text(_count_line(row["source"])),
            _day(row["last_session"]),
            _count_line(row["sessions_behind"]),
            _day(row["forecast_for"]),
        )
    reasons = rows[rows["reason"].notna()]
    lines = [
        printable(f"{ticker}: {reason}")
        for ticker, reason in zip(reasons["ticker"], reasons["reason"], strict=True)
    ]
    shown = outcomes[outcomes["ticker"].isin(rows["ticker"])]
    return Group(
        table,
        *([_outcomes(shown)] if len(shown) else []),
        *([_reports(reports)] if reports else []),
        Text("\n".join(lines)),
    )


def _reports(reports: Mapping[str, Mapping[str, Any]]) -> UncutTable:
    """The next announcement of each ticker, the nearest first."""
    table = UncutTable(
        title="Who reports next",
        caption="Usual: mean absolute return on past reactions. Width: of tonight's 90% interval, over its "
        "median of the last 92 days.",
    )
    for heading in ("ticker", "reports", "status", "reacts", "usual", "width"):
        right = heading in {"usual", "width"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for ticker, row in sorted(reports.items(), key=lambda pair: (pair[1]["reaction"], pair[0])):
        width = row["width_90"] / row["usual_width_90"] if row["width_90"] and row["usual_width_90"] else None
        table.add_row(
            Text(printable(ticker)),
            report_text(row),
            str(row["status"]),
            _day(row["reaction"]),
            "–" if row["usual_reaction"] is None else f"{row['usual_reaction']:.1%}",
            "–" if width is None else f"{width:.2f}",
        )
    return table


def _outcomes(outcomes: pd.DataFrame) -> UncutTable:
    """The last forecast of each ticker that has an outcome, and the outcome."""
    inside = f"{outcomes['inside_90'].mean():.0%} inside the 90% interval"
    table = UncutTable(title=f"Last forecasts and what happened: {inside}")
    for heading in ("ticker", "session", "forecast", "90% interval", "close", "inside"):
        table.add_column(
            heading, justify="left" if heading in {"ticker", "session"} else "right", no_wrap=True
        )
    for row in outcomes.sort_values("ticker").to_dict("records"):
        table.add_row(
            Text(printable(row["ticker"])),
            _day(row["target"]),
            price_text(row["predicted_close"]),
            f"{price_text(row['q05'])} … {price_text(row['q95'])}",
            price_text(row["actual_close"]),
            "yes" if row["inside_90"] else "no",
        )
    return table


def _count_line(value: Any) -> str:
    return "–" if pd.isna(value) else str(value)


def _day(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:%Y-%m-%d}"


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): value for name, value in row.items()} for row in rows.head(MAX_ROWS).to_dict("records")
    ]


def _signed(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:+.2%}"


def _with_rest(table: UncutTable, rows: int) -> RenderableType:
    if rows <= MAX_ROWS:
        return table
    return Group(table, f"and {rows - MAX_ROWS} more: stockjax sql 'FROM latest_forecasts'")
