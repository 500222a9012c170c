"""Names of files that end with dates: AAPL_2013 is AAPL where all its days are of 2013."""

import re

import pandas as pd

_DATE = r"(?:19|20)\d{2}(?:-?\d{2}-?\d{2}|-\d{2})?"
_DATED = re.compile(rf"(?P<ticker>.*?[^_ \-])[_ \-]+(?P<first>{_DATE})(?:(?:_to_|[_ \-]+)(?P<last>{_DATE}))?")
_DOWNLOADED = 10
"""Days before a single date in a name by which the last row of a download of that day may lie."""


def ticker_of_dated_name(name: str) -> str:
    """A name without the dates at its end; empty where there are none.

    Example
    -------
    >>> [ticker_of_dated_name(name) for name in ("AAPL_2013", "BRK-B 2012-01-01_2013-03-01", "BRK-B")]
    ['AAPL', 'BRK-B', '']

    """
    found = _DATED.fullmatch(name)
    return found["ticker"] if found and _span(found) else ""


def lies_within_name(name: str, days: pd.Series) -> bool:
    """Whether days are those that a name ends with: within its year, month or span, or before its one date.

    Parameters
    ----------
    days
        datetime64, NaT where unknown.

    Example
    -------
    >>> days = pd.Series(pd.to_datetime(["2013-02-28", "2013-03-01"]))
    >>> [lies_within_name(f"AAPL_{text}", days) for text in ("2013", "20130301", "2012")]
    [True, True, False]

    """
    found = _DATED.fullmatch(name)
    span = _span(found) if found else None
    if found is None or span is None or days.isna().all():
        return False
    start, end = span
    if not found["last"] and len(found["first"].replace("-", "")) == len("20130301"):
        return bool(end - pd.Timedelta(days=_DOWNLOADED) <= days.max() < end)
    return bool(start <= days.min() and days.max() < end)


def _span(found: re.Match[str]) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The first day of a name, and the one after its last; None where its digits are no dates."""
    try:
        first, last = (_period(found[key] or found["first"]) for key in ("first", "last"))
    except ValueError:
        return None
    return first.start_time, last.end_time.normalize() + pd.Timedelta(days=1)


def _period(text: str) -> pd.Period:
    digits = text.replace("-", "")
    parts = [part for part in (digits[:4], digits[4:6], digits[6:]) if part]
    return pd.Period("-".join(parts), freq="YMD"[len(parts) - 1])
