"""What charts draw of a ticker, for the page, for pictures and for the terminal alike."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table

SESSIONS = 252
"""Sessions that a chart goes back."""
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
"""Columns of a forecast's quantiles, and the share of closes that should fall below each."""
PRICES = ("actual_close", "predicted_close", *QUANTILES)
ROLLING = ("rmse", "walk_rmse", "mae", "walk_mae")
"""Errors of the log return over the 63 sessions up to a target, of the model and of the random walk."""


def read_series(
    warehouse: Warehouse, tickers: Iterable[str], as_of: date, sessions: int = SESSIONS
) -> pd.DataFrame:
    """Forecasts of the LSTM with their outcomes up to `as_of`, and the one that was ahead then.

    Returns
    -------
    One row per ticker and target in their order: ticker, target, origin, reaction (whether the session
    reacts to an announcement), `PRICES` in the units of today's closes, return_error and `ROLLING`. Where
    the outcome is not known, actual_close and the errors are NaN; `ROLLING` also where fewer than 21
    sessions have an outcome.

    """
    asked = {"tickers": list(tickers), "as_of": as_of}
    outcomes = read_table(warehouse, "report_series", **asked, sessions=sessions)
    ahead = read_table(warehouse, "report_forecasts", **asked)
    both = pd.concat(
        [part for part in (outcomes, ahead.reindex(columns=outcomes.columns)) if len(part)] or [outcomes]
    )
    return both.sort_values(["ticker", "target"]).reset_index(drop=True)


def by_ticker(series: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each ticker."""
    for ticker, rows in series.groupby("ticker"):
        yield str(ticker), rows


def calibration(columns: Mapping[str, npt.ArrayLike] | pd.DataFrame) -> tuple[int, list[float]]:
    """How many outcomes there are, and which share of them fell below each of `QUANTILES`.

    An honest quantile has its own share of closes below it. The share is NaN without an outcome.

    Parameters
    ----------
    columns
        actual_close (NaN where it is not known) and the quantiles, (n,) each.

    Example
    -------
    >>> calibration({"actual_close": [10.0, np.nan], **dict.fromkeys(QUANTILES, [11.0, 12.0])})
    (1, [1.0, 1.0, 1.0, 1.0, 1.0])

    """
    closes = np.asarray(columns["actual_close"], dtype=float)
    known = ~np.isnan(closes)
    below = [closes[known] <= np.asarray(columns[name], dtype=float)[known] for name in QUANTILES]
    count = int(known.sum())
    return count, [float(each.mean()) for each in below] if count else [np.nan] * len(QUANTILES)


def decimals(prices: npt.ArrayLike) -> int:
    """So many decimals that a price has four digits at least, and two decimals; by the median, NaN left out.

    Example
    -------
    >>> decimals([0.0123])
    5

    """
    known = np.asarray(prices, dtype=float)
    known = known[~np.isnan(known)]
    middle = float(np.median(known)) if len(known) else 0.0
    return max(2, 3 - int(np.floor(np.log10(middle)))) if np.isfinite(middle) and middle > 0 else 2
