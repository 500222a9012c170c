"""Series in the form in which the page's script loads them: a few of them in each small file.

A browser lets a page that was opened from disk load scripts, and nothing else. So each file is a
script of one call, whose argument is compressed JSON. Tickers are identified by their number; no file is
named after one.
"""

import base64
import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import pandas as pd

from stockjax.reporting.series import PRICES, ROLLING, calibration, decimals

Array = npt.NDArray[Any]

TOGETHER = 20
"""Tickers in one file: few files, and each of them loaded in no time."""
_ORIGINS = {"nightly": "n", "catchup": "c", "backtest": "b"}


def scripts(tickers: Sequence[str], series: pd.DataFrame) -> Iterator[str]:
    """The text of each file; the ticker of number i is in file i // TOGETHER.

    Parameters
    ----------
    tickers
        In the order of their numbers.
    series
        As `read_series` gives it.

    """
    columns = _columns(series)
    # Arrays rather than a table for each of thousands of tickers, which would take longer to cut out.
    packed = {
        str(ticker): _packed({name: values[rows] for name, values in columns.items()})
        for ticker, rows in series.groupby("ticker").indices.items()
    }
    for number, first in enumerate(range(0, len(tickers), TOGETHER)):
        part = [packed.get(ticker) for ticker in tickers[first : first + TOGETHER]]
        content = json.dumps(part, separators=(",", ":"), allow_nan=False).encode()
        # The same bytes for the same series, wherever and whenever.
        text = base64.b64encode(zlib.compress(content, 9)).decode("ascii")
        yield f'stockjaxSeries({number},"{text}")\n'


def packed_series(rows: pd.DataFrame) -> dict[str, Any]:
    """One ticker's columns as lists, rounded to what a chart can show; null where there is no value.

    Errors are in percent. `origin` has a letter for each row.
    """
    return _packed(_columns(rows))


def packed_calibration(columns: Mapping[str, npt.ArrayLike] | pd.DataFrame) -> dict[str, Any]:
    """The number of outcomes, and the share of them below each quantile; none without an outcome."""
    count, below = calibration(columns)
    return {"outcomes": count, "below": [round(share, 4) for share in below] if count else []}


def _columns(series: pd.DataFrame) -> dict[str, Array]:
    numbers = (*PRICES, "return_error", *ROLLING)
    return {
        "target": series["target"].dt.strftime("%Y-%m-%d").to_numpy(dtype=object),
        "origin": series["origin"].map(_ORIGINS).to_numpy(dtype=object),
        "reaction": series["reaction"].to_numpy(dtype=bool),
        **{name: series[name].to_numpy(dtype=float) for name in numbers},
    }


def _packed(columns: Mapping[str, Array]) -> dict[str, Any]:
    places = decimals(columns["predicted_close"])
    return {
        "decimals": places,
        "target": columns["target"].tolist(),
        "origin": "".join(columns["origin"]),
        "reactions": columns["target"][columns["reaction"]].tolist(),
        # The median is the predicted close.
        **{name: _numbers(columns[name], places) for name in PRICES if name != "q50"},
        "return_error": _numbers(100 * columns["return_error"], 2),
        **{name: _numbers(100 * columns[name], 3) for name in ROLLING},
        **packed_calibration(columns),
    }


def _numbers(column: Array, places: int) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in column.round(places).tolist()]
