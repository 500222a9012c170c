"""What the next announcement of a ticker is called, and what it does to the interval, in words."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table
from stockjax.wording import counted

UNUSUAL_WIDTH = 1.3
"""Width of an interval over its usual one from which on the reason is shown."""

_TIMES = {"before": " before the open", "during": " during the session", "after": " after the close"}


def next_reports(warehouse: Warehouse, tickers: Sequence[str], as_of: date) -> dict[str, dict[str, Any]]:
    """By ticker, its next announcement as it was known at the close of a session."""
    rows = read_table(warehouse, "next_reports", tickers=list(tickers), as_of=as_of)
    return {
        str(row["ticker"]): {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in rows.to_dict("records")
    }


def report_text(row: Mapping[str, Any] | None) -> str:
    """The day and the time of day of an announcement; about where the day is projected or estimated.

    Example
    -------
    >>> report_text({"date": date(2013, 1, 23), "timing": "after", "exact": 1.0})
    '2013-01-23 after the close'
    >>> report_text({"date": date(2013, 4, 23), "timing": "unknown", "exact": 0.5}), report_text(None)
    ('about 2013-04-23', '–')

    """
    if row is None:
        return "–"
    day = f"{row['date']:%Y-%m-%d}{_TIMES.get(str(row['timing']), '')}"
    return day if row["exact"] >= 1 else f"about {day}"


def width_reason(row: Mapping[str, Any]) -> str:
    """Why an interval is unusually wide, in words; empty where it is not, or where no announcement is near.

    Example
    -------
    >>> announcement = {"date": date(2013, 1, 23), "timing": "after", "exact": 1.0, "status": "scheduled"}
    >>> width_reason({**announcement, "reacts_next": True, "width_90": 0.14, "usual_width_90": 0.07,
    ...     "usual_reaction": 0.048, "reactions": 34, "kind": "earnings"})
    '90% interval 2.0 times as wide as usual: earnings 2013-01-23 after the close (4.8% on 34 reactions)'

    """
    width, usual = row.get("width_90"), row.get("usual_width_90")
    if not row.get("reacts_next") or not width or not usual or width < UNUSUAL_WIDTH * usual:
        return ""
    past = (
        f" ({row['usual_reaction']:.1%} on {counted(row['reactions'], 'reaction')})"
        if row.get("reactions")
        else ""
    )
    times = f"{width / usual:.1f} times as wide as usual"
    return f"90% interval {times}: {row['kind']} {report_text(row)}{past}"


def reports_before_close(rows: Mapping[str, Mapping[str, Any]], tickers: Sequence[str]) -> str:
    """How many of the tickers announce something before the close of the session that is forecast.

    Example
    -------
    >>> reports_before_close({"AAPL": {"reacts_next": True}, "IBM": {"reacts_next": False}}, ["AAPL", "IBM"])
    '1 of 2 tickers reports before the next close'

    """
    near = sum(bool(rows[ticker]["reacts_next"]) for ticker in tickers if ticker in rows)
    verb = "reports" if near == 1 else "report"
    return f"{near} of {counted(len(tickers), 'ticker')} {verb} before the next close"
