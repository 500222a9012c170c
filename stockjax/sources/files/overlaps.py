"""Rows of one day in several files: equal ones are one, and of different ones the later file has the word."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stockjax.errors import InvalidDataError

_PRICES = ["open", "high", "low", "close"]
_COMPARED = [*_PRICES, "adj_close", "volume", "dividend", "split"]
_SAME_SCALE = 0.002
"""Spread of the ratio of two files that are the same but for an adjustment: closes are rounded."""


@dataclass(frozen=True)
class Part:
    """Rows that were written together: a file, or what stands between two lines of headings of it."""

    name: str
    prices: pd.DataFrame


@dataclass(frozen=True)
class Merged:
    """All rows, and what became of those that differ.

    Attributes
    ----------
    prices
        The rows of all parts, without those of tickers that are refused.
    refused
        Tickers whose rows differ without a later file to settle it.
    remarks
        What was rescaled or left out, one sentence a ticker.

    """

    prices: pd.DataFrame
    refused: dict[str, InvalidDataError] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def merge(parts: Sequence[Part]) -> Merged:
    """Join parts; a ticker in several of them gets one history.

    Of rows of one day that differ those of the part with the later last session are used. The rows before
    them are multiplied by the ratio of the two, where that is one throughout; else they are left out.
    """
    if len(parts) == 1 and not _differing(parts[0].prices):
        return Merged(parts[0].prices.reset_index(drop=True).astype({"ticker": str}))
    tables = [part.prices.assign(part=number) for number, part in enumerate(parts)]
    rows = pd.concat(tables, ignore_index=True)
    refused: dict[str, InvalidDataError] = {}
    remarks: list[str] = []
    replaced: list[pd.DataFrame] = []
    for ticker in _differing(rows):
        mine = rows["ticker"] == ticker
        history, problem, said = _one_history(str(ticker), rows[mine], [part.name for part in parts])
        rows = rows[~mine]
        if problem:
            refused[str(ticker)] = problem
        else:
            replaced.append(history)
            remarks += said
    tables = [rows, *replaced]
    joined = pd.concat(tables, ignore_index=True).drop(columns="part").astype({"ticker": str})
    return Merged(joined, refused, tuple(remarks))


def _differing(rows: pd.DataFrame) -> list[str]:
    """Tickers with several rows of a day that are not the same."""
    keys = ["ticker", "session"]
    doubled = rows[rows.duplicated(keys, keep=False)]
    # A row without a close is no bar that another could differ from; the checks report it.
    known = doubled.dropna(subset=[*keys, "close"])
    doubled = known[known.duplicated(keys, keep=False)]
    distinct = doubled.drop_duplicates([*keys, *_COMPARED])
    return list(distinct.loc[distinct.duplicated(keys), "ticker"].unique())


def _one_history(
    ticker: str, rows: pd.DataFrame, names: Sequence[str]
) -> tuple[pd.DataFrame, InvalidDataError | None, list[str]]:
    """The rows of one ticker, or why they are refused, and what became of those that differ."""
    for number in rows["part"].unique():
        own = rows[rows["part"] == number]
        if _differing(own):
            fault = f"'{names[number]}' has different rows of '{ticker}' on {_first_day(own)}"
            return rows, InvalidDataError(f"{fault}; remove the wrong ones"), []
    ends = rows.groupby("part")["session"].max().sort_values(kind="stable", ascending=False)
    newest = int(ends.index[0])
    history = rows[rows["part"] == newest]
    remarks = []
    for number in ends.index[1:]:
        older = rows[rows["part"] == number]
        both = pd.concat([history, older])
        if not _differing(both):
            history = both
            continue
        used, other = f"'{names[newest]}'", f"'{names[int(number)]}'"
        if ends.loc[number] == ends.iloc[0]:
            fault = f"{used} and {other} have different rows of '{ticker}' on {_first_day(both)}"
            return rows, InvalidDataError(f"{fault} and end on the same session; remove one of them"), []
        common = history.merge(older, on="session", suffixes=("", "_older"))
        before = older[~older["session"].isin(history["session"])]
        ratio, adjusted = _ratio(common, "close"), _ratio(common, "adj_close")
        if ratio is None or adjusted is None:
            remarks.append(f"{ticker}: {used} is used, and {len(before)} earlier rows of {other} are not")
            continue
        history = pd.concat([_rescaled(before, ratio, adjusted, common), history])
        remarks.append(
            f"{ticker}: {used} is used where it differs from {other}, whose {len(before)} other rows are "
            f"multiplied by {adjusted:.6g}"
        )
    return history, None, remarks


def _first_day(rows: pd.DataFrame) -> str:
    """The first day with rows that differ."""
    bars = rows.dropna(subset=["close"]).drop_duplicates(["session", *_COMPARED])
    day: pd.Timestamp = bars.loc[bars.duplicated(["session"]), "session"].min()
    return f"{day:%Y-%m-%d}"


def _ratio(common: pd.DataFrame, name: str) -> float | None:
    """What the older values are to be multiplied by; None if that differs from day to day."""
    ratios = (common[name] / common[f"{name}_older"]).replace([np.inf, -np.inf], np.nan).dropna()
    if ratios.empty or ratios.max() / ratios.min() - 1 > _SAME_SCALE:
        return None
    middle = float(ratios.median())
    return 1.0 if abs(middle - 1) < _SAME_SCALE / 2 and name == "close" else middle


def _rescaled(rows: pd.DataFrame, ratio: float, adjusted: float, common: pd.DataFrame) -> pd.DataFrame:
    scaled = rows.copy()
    scaled[_PRICES] *= ratio
    scaled["adj_close"] *= adjusted
    volumes = (common["volume"] / common["volume_older"]).replace([np.inf, -np.inf], np.nan).dropna()
    if ratio != 1 and len(volumes) and abs(volumes.median() * ratio - 1) < 0.05:
        scaled["volume"] /= ratio
    return scaled
