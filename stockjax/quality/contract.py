"""What a price row must be, as a pandera schema. Each check's name is its reason in `quarantine`."""

import numpy as np
import pandera.pandas as pa

_PRICES = ("open", "high", "low", "close", "adj_close")
_NUMBERS = (*_PRICES, "volume", "dividend", "split")
# Vendors round each price by itself, so that a close may lie a hair outside high and low.
_ROUNDING = 1e-3


def _positive() -> pa.Check:
    return pa.Check.gt(0, error="not_positive")


PRICE_ROW = pa.DataFrameSchema(
    {
        "ticker": pa.Column(str, nullable=True),
        "session": pa.Column("datetime64[s]", nullable=True),
        **{name: pa.Column(float, _positive(), nullable=True) for name in _PRICES},
        "volume": pa.Column(float, pa.Check.ge(0, error="negative_volume"), nullable=True),
        "dividend": pa.Column(float, nullable=True),
        "split": pa.Column(float, nullable=True),
    },
    checks=[
        pa.Check(lambda rows: rows["ticker"].notna(), name="no_ticker"),
        pa.Check(lambda rows: rows["session"].notna(), name="no_date"),
        pa.Check(lambda rows: ~rows[list(_NUMBERS)].isin([np.inf, -np.inf]).any(axis=1), name="not_finite"),
        pa.Check(lambda rows: rows[["dividend", "split"]].notna().all(axis=1), name="missing_action"),
        pa.Check(lambda rows: rows[list(_PRICES)].notna().all(axis=1), name="missing_price"),
        pa.Check(lambda rows: ~(rows["high"] < rows["low"]), name="high_below_low"),
        pa.Check(
            lambda rows: (
                ~(
                    (rows["close"] > rows["high"] * (1 + _ROUNDING))
                    | (rows["close"] < rows["low"] * (1 - _ROUNDING))
                )
            ),
            name="close_outside_range",
        ),
        pa.Check(
            lambda rows: (
                ~(
                    (rows["open"] > rows["high"] * (1 + _ROUNDING))
                    | (rows["open"] < rows["low"] * (1 - _ROUNDING))
                )
            ),
            name="open_outside_range",
        ),
    ],
    strict=True,
    unique_column_names=True,
)
"""Every failure of it is a rejection."""

CHECKS_BY_WEIGHT = (
    "no_ticker",
    "no_date",
    "missing_price",
    "not_finite",
    "missing_action",
    "not_positive",
    "negative_volume",
    "high_below_low",
    "close_outside_range",
    "open_outside_range",
)
"""Names of the checks; a row that fails several is refused for the first of these."""
