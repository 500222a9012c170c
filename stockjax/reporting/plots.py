"""Charts as pictures, for places that run no script."""

import base64
import io
import warnings

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stockjax.reporting.text import printable

# Okabe and Ito's colours, which colour-blind people can tell apart.
_BLUE, _ORANGE = "#0072b2", "#d55e00"
_SIZE = (7.2, 2.6)
_HIGH = (9.0, 5.0)
_DPI = 110
_MARGINS = {"left": 0.11, "right": 0.94, "top": 0.89, "bottom": 0.11}
_TICKS = 6


def actual_against_predicted(ticker: str, rows: pd.DataFrame) -> bytes:
    """A ticker's closes and their forecasts, with the 50 and 90% intervals, as PNG.

    Parameters
    ----------
    rows
        As `read_series` gives them, of one ticker.

    """
    # Margins that hold every price as it is written here: Matplotlib measures text by drawing it twice.
    figure = Figure(figsize=_SIZE, dpi=_DPI)
    axes = figure.subplots(gridspec_kw=_MARGINS)
    _draw_closes(axes, ticker, rows)
    axes.tick_params(labelsize=8)
    axes.yaxis.set_major_formatter("{x:.6g}")
    return _png(figure)


def closes_and_errors(ticker: str, rows: pd.DataFrame) -> bytes:
    """The same, with the rolling RMSE and MAE of the model and of the random walk below, as PNG."""
    figure = Figure(figsize=_HIGH, dpi=_DPI, layout="constrained")
    above, beneath = figure.subplots(2, height_ratios=[2, 1], sharex=True)
    _draw_closes(above, ticker, rows)
    lines = (("rmse", "RMSE", "-"), ("mae", "MAE", "--"))
    for column, name, style in lines:
        beneath.plot(rows["target"], 100 * rows[column], style, color=_BLUE, linewidth=2, label=name)
        beneath.plot(
            rows["target"], 100 * rows[f"walk_{column}"], ":", color=_ORANGE, label=f"{name} of the walk"
        )
    beneath.margins(y=0.15)
    beneath.set_ylim(bottom=0)
    beneath.set_title("error of 63 sessions, %", loc="left", fontsize=9)
    beneath.legend(loc="lower left", ncols=4, frameon=False, fontsize=8)
    beneath.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _draw_closes(axes: Axes, ticker: str, rows: pd.DataFrame) -> None:
    days = rows["target"]
    axes.fill_between(days, rows["q05"], rows["q95"], color=_BLUE, alpha=0.15, linewidth=0, label="90%")
    axes.fill_between(days, rows["q25"], rows["q75"], color=_BLUE, alpha=0.3, linewidth=0, label="50%")
    axes.plot(days, rows["predicted_close"], color=_BLUE, linewidth=1, label="forecast")
    axes.plot(days, rows["actual_close"], ".", color=_ORANGE, markersize=4, label="close")
    announced = rows[rows["reaction"].astype(bool)]
    if len(announced):
        axes.plot(announced["target"], announced["q95"], "v", color="0.2", markersize=5, label="announcement")
    places = np.linspace(0, len(days) - 1, min(_TICKS, len(days))).round().astype(int)
    axes.set_xticks(list(days.iloc[places]), [f"{day:%Y-%m-%d}" for day in days.iloc[places]])
    # A ticker is foreign text: nothing in it is markup.
    axes.set_title(printable(ticker), loc="left", fontsize=10, parse_math=False)
    axes.legend(loc="upper left", ncols=5, frameon=False, fontsize=8)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)


def search_so_far(trials: pd.DataFrame) -> bytes:
    """The skill of each trial of a search over the current settings, as PNG.

    Parameters
    ----------
    trials
        number, current, outcome, skill, low, high (NaN where a trial failed).

    """
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    scored = trials[trials["skill"].notna()]
    for outcome, color, marker in (("completed", _BLUE, "o"), ("pruned", _ORANGE, "x")):
        some = scored[scored["outcome"] == outcome]
        value = 100 * some["skill"]
        reach = np.abs(100 * some[["low", "high"]].to_numpy().T - value.to_numpy())
        axes.errorbar(
            some["number"], value, reach, fmt=marker, color=color, markersize=4, elinewidth=0.6, label=outcome
        )
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set_xlabel("trial", fontsize=8)
    axes.set_title("% better than the current settings", loc="left", fontsize=10)
    axes.legend(loc="lower right", ncols=2, frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    with io.BytesIO() as picture, warnings.catch_warnings():
        # A name may have signs that the font lacks: it is drawn with boxes then.
        warnings.filterwarnings("ignore", "Glyph")
        figure.savefig(picture, format="png", metadata={"Software": None})
        return picture.getvalue()


def data_url(picture: bytes) -> str:
    """A PNG as an address that carries it whole."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
