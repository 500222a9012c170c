"""Notices of announcements, the checks of their sources, and series that are not forecast."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import pandas as pd

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import fetch_rows, statement
from stockjax.warehouse.time import stored_time

_FIRST, _FAR = date(1900, 1, 1), date(9999, 12, 31)


def store_events(
    warehouse: Warehouse, notices: pd.DataFrame, checks: pd.DataFrame, *, run_id: str, moment: datetime
) -> int:
    """Append notices, and note who has answered, in one transaction; returns how many notices were new.

    Parameters
    ----------
    notices
        Columns of `stockjax.events.NOTICE_COLUMNS`.
    checks
        Columns ticker, source, as_of and content.

    """
    if not len(notices) and not len(checks):
        return 0
    now = stored_time(moment)
    with warehouse.write() as connection:
        connection.register("fresh_events", notices)
        connection.register("fresh_checks", checks)
        written = connection.execute(statement("append_events"), {"run_id": run_id, "recorded_at": now})
        ((count,),) = written.fetchall()
        connection.execute(statement("delete_older_event_checks"))
        connection.execute(statement("insert_event_checks"), {"run_id": run_id, "checked_at": now})
    return int(count)


def read_events(
    warehouse: Warehouse,
    tickers: Iterable[str],
    last: date = _FAR,
    read_at: datetime | None = None,
    first: date = _FIRST,
) -> pd.DataFrame:
    """The notices of tickers that a session could use, in the order in which they became known.

    Parameters
    ----------
    last
        The session.
    read_at
        Notices that were written later are left out; None: none are.
    first
        The first session that could use a notice.

    """
    keys = {
        "tickers": list(tickers),
        "first": first,
        "last": last,
        "read_at": stored_time(read_at) if read_at else None,
    }
    with warehouse.read() as connection:
        return connection.execute(statement("events_of"), keys).df()


def last_event_checks(
    warehouse: Warehouse, tickers: Iterable[str]
) -> Mapping[tuple[str, str], tuple[date, str]]:
    """By ticker and source, the newest session of a run that it answered, and the fingerprint of its file."""
    with warehouse.read() as connection:
        rows = fetch_rows(connection, "last_event_checks", tickers=list(tickers))
    return {(str(row["ticker"]), str(row["source"])): (row["as_of"], str(row["content"])) for row in rows}


def store_context(warehouse: Warehouse, closes: pd.DataFrame, *, run_id: str, moment: datetime) -> None:
    """Append closes of series, columns series, session, close, known_from and source."""
    if not len(closes):
        return
    with warehouse.write() as connection:
        connection.register("fresh_context", closes)
        keys = {"run_id": run_id, "recorded_at": stored_time(moment)}
        connection.execute(statement("append_market_context"), keys)


def read_context(
    warehouse: Warehouse, series: Iterable[str], last: date = _FAR, read_at: datetime | None = None
) -> pd.DataFrame:
    """Closes of series up to a session: columns series, session, close and known_from."""
    keys = {"series": list(series), "last": last, "read_at": stored_time(read_at) if read_at else None}
    with warehouse.read() as connection:
        return connection.execute(statement("market_context_of"), keys).df()


def newest_context(warehouse: Warehouse, series: Iterable[str], count: int) -> pd.DataFrame:
    """The newest closes of series: columns series, session and close."""
    with warehouse.read() as connection:
        keys = {"series": list(series), "count": count}
        return connection.execute(statement("newest_market_context"), keys).df()


def replace_events(copy: Warehouse, notices: pd.DataFrame, *, moment: datetime) -> None:
    """Put other notices in the place of those of a copy that is thrown away."""
    with copy.write() as connection:
        connection.execute(statement("delete_events"))
        connection.register("fresh_events", notices)
        keys = {"run_id": "audit", "recorded_at": stored_time(moment)}
        connection.execute(statement("append_events"), keys)
