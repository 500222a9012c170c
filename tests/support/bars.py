"""Deliveries written by hand, and the gate as the tests ask it: on Tuesday 2013-03-05."""

import math
from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd

from stockjax.quality import Checked, check
from stockjax.sessions import exchange
from stockjax.sources import PRICE_COLUMNS

NEW_YORK = exchange("XNYS")
LONDON = exchange("XLON")
EXCHANGES = dict.fromkeys(["A", "B", "NAN", 'M&M "x"'], NEW_YORK) | {"L": LONDON}
LAST_CLOSED = date(2013, 3, 4)
CLOSED = {"XNYS": LAST_CLOSED, "XLON": LAST_CLOSED}
TODAY = date(2013, 3, 5)
NAN = math.nan
GOOD = {
    "ticker": "A",
    "session": "2013-03-01",
    "open": 10.0,
    "high": 11.0,
    "low": 9.0,
    "close": 10.5,
    "adj_close": 5.25,
    "volume": 100.0,
    "dividend": 0.0,
    "split": 1.0,
}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """Rows as a source delivers them, each `GOOD` but for what it names."""
    raw = ["raw"] if any("raw" in row for row in rows) else []
    frame = pd.DataFrame([GOOD | row for row in rows], columns=[*PRICE_COLUMNS, *raw])
    frame["session"] = pd.to_datetime(frame["session"]).astype("datetime64[s]")
    return frame.astype({"ticker": "str"} | dict.fromkeys(PRICE_COLUMNS[2:], float))


def days(closes: Iterable[float], changes: dict[int, dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """One row per close, on sessions in succession up to 2013-03-01; `changes` by place.

    Open, high, low and adjusted close are the close, before the changes.
    """
    closes = list(closes)
    sessions = NEW_YORK.sessions(date(2012, 1, 3), date(2013, 3, 1))[-len(closes) :]
    prices = ("open", "high", "low", "close", "adj_close")
    return [
        {"session": str(session), **dict.fromkeys(prices, close), **(changes or {}).get(place, {})}
        for place, (session, close) in enumerate(zip(sessions, closes, strict=True))
    ]


def judged(delivered: pd.DataFrame, context: pd.DataFrame | None = None) -> Checked:
    """What the gate finds."""
    return check(delivered, EXCHANGES, CLOSED, context, today=TODAY)


def checked(*rows: dict[str, Any]) -> Checked:
    """The same for rows."""
    return judged(table(*rows))


def reasons(outcome: Checked) -> list[str]:
    """The findings, in order of rows and weight."""
    return list(outcome.quarantined["reason"])


def found(outcome: Checked) -> list[tuple[str, str]]:
    """The findings with their sessions."""
    return list(zip(outcome.quarantined["session"].dt.strftime("%Y-%m-%d"), reasons(outcome), strict=True))
