"""Tables and names as plain values."""

from typing import Any

import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries; what is missing becomes None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def price_text(price: float, decimals: int = 2) -> str:
    """A price with so many decimals, and with four significant digits if it is below 1.

    Example
    -------
    >>> price_text(430.474), price_text(0.0000084), price_text(0.52346)
    ('430.47', '8.4e-06', '0.5235')

    """
    return f"{price:.{decimals}f}" if abs(price) >= 1 or price == 0 else f"{price:.4g}"


def printable(text: object) -> str:
    """A name on one line of a terminal, which obeys control characters.

    Example
    -------
    >>> printable("IBM\\x1b[31m")
    'IBM [31m'

    """
    return "".join(character if character.isprintable() else " " for character in str(text))
