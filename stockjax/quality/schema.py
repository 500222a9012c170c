"""What a delivery and a single price row must be, as pandera schemas."""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_

import numpy as np
import pandas as pd
import pandera.pandas as pa

PRICES = ("open", "high", "low", "close", "adj_close")
_NUMBERS = (*PRICES, "volume", "dividend", "split")
# Vendors round each price by itself, so that a close may lie a hair outside high and low.
_ROUNDING = 1e-3


def outside(price: pd.Series, high: pd.Series, low: pd.Series) -> pd.Series:
    """Where a price is above the high or below the low by more than rounding, (n,) bool."""
    return (price > high * (1 + _ROUNDING)) | (price < low * (1 - _ROUNDING))


def _any(faults: Iterable[pd.Series]) -> pd.Series:
    return reduce(or_, faults)


ROW_FAULTS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "no_ticker": lambda rows: rows["ticker"].isna(),
    "no_date": lambda rows: rows["session"].isna(),
    "missing_price": lambda rows: _any(rows[name].isna() for name in PRICES),
    "not_finite": lambda rows: _any(rows[name].abs() == np.inf for name in _NUMBERS),
    "missing_action": lambda rows: rows["dividend"].isna() | rows["split"].isna(),
    "not_positive": lambda rows: _any(rows[name] <= 0 for name in PRICES),
    "negative_volume": lambda rows: rows["volume"] < 0,
    "high_below_low": lambda rows: rows["high"] < rows["low"],
    "close_outside_range": lambda rows: outside(rows["close"], rows["high"], rows["low"]),
    "open_outside_range": lambda rows: outside(rows["open"], rows["high"], rows["low"]),
}
"""By reason, which rows (n,) have that fault in themselves; each is a rejection."""


def _holds(fault: Callable[[pd.DataFrame], pd.Series]) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda rows: ~fault(rows)


def _is_text(values: pd.Series) -> bool:
    given = values.dropna()
    return given.empty or pd.api.types.infer_dtype(given) == "string"


_COLUMNS = {
    "ticker": pa.Column(str, nullable=True),
    "session": pa.Column("datetime64[s]", nullable=True),
    **{name: pa.Column(float, nullable=True) for name in _NUMBERS},
}

DELIVERY = pa.DataFrameSchema(
    _COLUMNS | {"raw": pa.Column(checks=pa.Check(_is_text, name="raw_text"), nullable=True, required=False)},
    strict=True,
    unique_column_names=True,
)
"""The shape of what a source delivers; a failure of it is the source's, not a row's."""

PRICE_ROW = pa.DataFrameSchema(
    _COLUMNS,
    checks=[pa.Check(_holds(fault), name=name) for name, fault in ROW_FAULTS.items()],
    strict=True,
    unique_column_names=True,
)
"""What every row is that leaves the gate; each check is named by its reason in `quarantine`."""
