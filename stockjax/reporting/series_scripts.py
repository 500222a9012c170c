"""Series in the form in which the page's script loads them: a few of them in each small file.

A browser lets a page that was opened from disk load scripts, and nothing else. So each file is a
script of one call, whose argument is compressed JSON. Tickers are identified by their number; no file is
named after one.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stockjax.reporting.series import PRICES, ROLLING, by_ticker, calibration, decimals

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
    packed = {ticker: packed_series(rows) for ticker, rows in by_ticker(series)}
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
    places = decimals(rows["predicted_close"])
    return {
        "decimals": places,
        "target": rows["target"].dt.strftime("%Y-%m-%d").tolist(),
        "origin": "".join(_ORIGINS[origin] for origin in rows["origin"]),
        "reactions": rows["target"][rows["reaction"].astype(bool)].dt.strftime("%Y-%m-%d").tolist(),
        # The median is the predicted close.
        **{name: _numbers(rows[name], places) for name in PRICES if name != "q50"},
        "return_error": _numbers(100 * rows["return_error"], 2),
        **{name: _numbers(100 * rows[name], 3) for name in ROLLING},
        **packed_calibration(rows),
    }


def packed_calibration(rows: pd.DataFrame) -> dict[str, Any]:
    """The number of outcomes, and the share of them below each quantile; none without an outcome."""
    count, below = calibration(rows)
    return {"outcomes": count, "below": [round(share, 4) for share in below] if count else []}


def _numbers(column: pd.Series, places: int) -> list[float | None]:
    values = column.to_numpy(dtype=float)
    return [value if np.isfinite(value) else None for value in values.round(places).tolist()]
