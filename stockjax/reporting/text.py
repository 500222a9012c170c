"""Tables and names as plain values."""

from typing import Any

import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries; what is missing becomes None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def printable(text: object) -> str:
    """A name on one line of a terminal, which obeys control characters.

    Example
    -------
    >>> printable("IBM\\x1b[31m")
    'IBM [31m'

    """
    return "".join(character if character.isprintable() else " " for character in str(text))
