"""What `stockjax show` prints: one ticker's forecasts and outcomes, its scores, a chart."""

from typing import Any

import pandas as pd
import plotext
from rich.console import Group, RenderableType
from rich.text import Text

from stockjax.errors import UsageError
from stockjax.reporting.next_reports import next_reports, report_text, width_reason
from stockjax.reporting.plots import closes_and_errors
from stockjax.reporting.series import SESSIONS, read_series
from stockjax.reporting.text import price_text, printable
from stockjax.reporting.uncut import UncutTable
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table

CHART_HEIGHT = 14
_CHARTED = 40


def show_ticker(
    warehouse: Warehouse, ticker: str, model: str = "lstm", sessions: int = 10, width: int = 80
) -> RenderableType:
    """The newest forecast, the last ones with their outcomes, the scores and a chart.

    Parameters
    ----------
    sessions
        Outcomes in the table.
    width
        Columns of the chart.

    Raises
    ------
    UsageError
        The ledger has nothing of that ticker and model.
    SnapshotMissingError
        No run has written to this warehouse yet.

    """
    asked = {"ticker": ticker, "model": model}
    newest = read_table(warehouse, "ticker_newest", **asked)
    history = read_table(warehouse, "ticker_history", **asked, sessions=max(sessions, _CHARTED))
    if newest.empty and history.empty:
        chosen = f"{printable(ticker)!r} by {printable(model)!r}"
        raise UsageError(f"there is no forecast of {chosen}; stockjax status lists all tickers")
    scores = read_table(warehouse, "ticker_scores", ticker=ticker)
    parts: list[RenderableType] = [
        _forecast(printable(ticker), newest),
        *_announcement(warehouse, ticker),
        _outcomes(printable(model), history.head(sessions)),
    ]
    if len(scores):
        parts.append(_scores(scores))
    if len(history) > 1:
        parts.append(Text(_chart(history.head(_CHARTED).iloc[::-1], width)))
    return Group(*parts)


def picture_of_ticker(warehouse: Warehouse, ticker: str, sessions: int = SESSIONS) -> bytes:
    """The LSTM's forecasts with their outcomes, and its rolling errors, as PNG.

    Raises
    ------
    UsageError
        The ledger has nothing of that ticker.
    SnapshotMissingError
        No run has written to this warehouse yet.

    """
    asked = {"ticker": ticker, "model": "lstm"}
    outcomes = read_table(warehouse, "ticker_history", **asked, sessions=1)["target"]
    ahead = read_table(warehouse, "ticker_newest", **asked)["target"] - pd.Timedelta(days=1)
    known = outcomes if len(outcomes) else ahead
    if known.empty:
        raise UsageError(f"there is no forecast of {printable(ticker)!r}; stockjax status lists all tickers")
    return closes_and_errors(ticker, read_series(warehouse, [ticker], known.iloc[0].date(), sessions))


def _forecast(ticker: str, newest: pd.DataFrame) -> RenderableType:
    if newest.empty:
        return Text(f"{ticker}: no night has forecast it")
    row = newest.iloc[0]
    return Text(
        f"{ticker}, {row['target']:%Y-%m-%d} ({row['origin']}): {price_text(row['predicted_close'])} after "
        f"{price_text(row['basis_close'])}; 50% within {price_text(row['q25'])} … {price_text(row['q75'])}, "
        f"90% within {price_text(row['q05'])} … {price_text(row['q95'])}; scale {row['scale']:.2%}"
    )


def _announcement(warehouse: Warehouse, ticker: str) -> list[Text]:
    """What the ticker announces next, and why its interval is wide."""
    last = read_table(warehouse, "status_table")
    known = last.loc[last["ticker"] == ticker, "last_session"].dropna()
    found = next_reports(warehouse, [ticker], known.iloc[0].date()) if len(known) else {}
    if ticker not in found:
        return []
    row = found[ticker]
    usual = f"; usual reaction {row['usual_reaction']:.1%}" if row["usual_reaction"] else ""
    line = f"next announcement: {row['kind']} {report_text(row)} ({row['status']}){usual}"
    reason = width_reason(row)
    return [Text(printable("\n".join([line, *([reason] if reason else [])])))]


def _outcomes(model: str, history: pd.DataFrame) -> UncutTable:
    headings = ("session", "origin", "forecast", "90% interval", "close", "error", "in")
    table = _table(f"The last forecasts of {model} and what happened", headings, left=2)
    table.caption = "In: the narrowest interval that the close fell into."
    for row in history.to_dict("records"):
        table.add_row(
            f"{row['target']:%Y-%m-%d}",
            str(row["origin"]),
            price_text(row["predicted_close"]),
            f"{price_text(row['q05'])} … {price_text(row['q95'])}",
            price_text(row["actual_close"]),
            f"{row['return_error']:+.2%}",
            "50%" if row["inside_50"] else "90%" if row["inside_90"] else "no",
        )
    return table


def _scores(scores: pd.DataFrame) -> UncutTable:
    headings = ("model", "last", "n", "RMSE", "skill", "MAE", "pinball", "90%")
    table = _table("Scores", headings, left=1)
    table.caption = (
        "Over so many last sessions. Skill of RMSE and MAE: against random_walk, of pinball: against har; "
        "above 0 is better. 90%: closes inside the interval."
    )
    for row in scores.to_dict("records"):
        table.add_row(
            str(row["model"]),
            str(row["window_sessions"]),
            str(row["n"]),
            price_text(row["rmse"], 3),
            *(_signed(row[name]) for name in ("rmse_skill", "mae_skill", "pinball_skill")),
            f"{row['coverage_90']:.0%}",
        )
    return table


def _chart(history: pd.DataFrame, width: int) -> str:
    """Closes between the ends of their 90% intervals, without colours: it may go to a file."""
    places = list(range(len(history)))
    days = [f"{day:%Y-%m-%d}" for day in history["target"]]
    plot: Any = plotext
    plot.clear_figure()
    plot.theme("clear")
    plot.plot_size(width, CHART_HEIGHT)
    for name, marker in (("q95", "'"), ("q05", "."), ("actual_close", "o")):
        plot.scatter(places, history[name].tolist(), marker=marker)
    plot.xticks([places[0], places[-1]], [days[0], days[-1]])
    drawn = plot.uncolorize(plot.build())
    return f"{drawn}\no close    ' and . ends of the 90% interval\n"


def _table(title: str, headings: tuple[str, ...], left: int) -> UncutTable:
    table = UncutTable(title=title)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < left else "right", no_wrap=True)
    return table


def _signed(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:+.2%}"
