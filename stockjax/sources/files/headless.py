"""Tables without headings: the known layouts, one of which has to fit the whole file."""

import re

import numpy as np
import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.cell_dates import read_dates
from stockjax.sources.files.headings import Columns
from stockjax.sources.files.known_formats import NUMBERS, KnownFormat, known_formats

_FITS = 0.98
"""Share of the rows that have to be bars: low below open and close, high above."""


def columns_without_headings(cells: pd.DataFrame) -> Columns | None:
    """What the columns of a table without headings mean: those of the first known layout that its rows fit.

    Example
    -------
    >>> cells = pd.DataFrame([["20130228", "444.05", "447.87", "441.4", "441.4", "100"]] * 3)
    >>> columns_without_headings(cells).format.name
    'NinjaTrader'

    """
    for entry in sorted(known_formats(), key=lambda entry: not entry.dates):
        if entry.layout and _fits(cells, entry):
            places = {meaning: place for place, meaning in enumerate(entry.layout) if meaning != "-"}
            shared = {meaning: place for meaning, place in places.items() if meaning not in NUMBERS}
            prices = {meaning: place for meaning, place in places.items() if meaning in NUMBERS}
            return Columns(shared, {"": prices}, format=entry)
    return None


def _fits(cells: pd.DataFrame, entry: KnownFormat) -> bool:
    if cells.shape[1] != len(entry.layout):
        return False
    columns = {meaning: cells[place] for place, meaning in enumerate(entry.layout) if meaning != "-"}
    if (
        entry.dates
        and not columns["session"].head().map(lambda text: bool(re.fullmatch(entry.dates, text))).all()
    ):
        return False
    bars = pd.DataFrame(
        {name: pd.to_numeric(columns[name], errors="coerce") for name in ("open", "high", "low", "close")}
    )
    inside = (bars["low"] <= bars[["open", "close"]].min(axis=1)) & (
        bars["high"] >= bars[["open", "close"]].max(axis=1)
    )
    if entry.price_scale != 1 and not (bars == np.floor(bars)).all(axis=None):
        return False
    if inside.mean() < _FITS:
        return False
    try:
        return bool(read_dates(columns["session"]).days.notna().mean() >= _FITS)
    except InvalidDataError:
        return False
