"""Prices in and out of the warehouse."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.sources import PRICE_COLUMNS
from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement
from stockjax.warehouse.time import stored_time


@dataclass(frozen=True)
class Stored:
    """What storing a delivery changed, in rows.

    Attributes
    ----------
    new
        Rows that are in `prices` now and were not before, among them the successors of
        the restated ones.
    restated
        Rows that moved to `price_revisions`, by reason.
    quarantined
        Rows that `quarantine` did not have yet.

    """

    new: int
    restated: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0


def store_prices(
    warehouse: Warehouse,
    accepted: pd.DataFrame,
    quarantined: pd.DataFrame,
    *,
    source: str,
    run_id: str,
    moment: datetime,
    whole: Iterable[str] = (),
    recycled: Iterable[str] = (),
    disproved: pd.DataFrame | None = None,
    exchanges: Mapping[str, str] | None = None,
) -> Stored:
    """Store checked prices and the rows that a check pointed at, in one transaction.

    Rows that are there already with the same values stay as they are; a row that the vendor
    restated moves to `price_revisions` first, with the reason: split, dividend, restatement,
    withdrawn (the vendor no longer has it), disproved (what came after shows that it was an
    error) or recycled (the symbol is another company's now). Storing the same rows twice
    changes nothing.

    Parameters
    ----------
    accepted
        One row per (ticker, session), columns `PRICE_COLUMNS`.
    quarantined
        Columns ticker, session, reason, severity and row (JSON text).
    moment
        When the prices were fetched, aware.
    whole
        Tickers whose stored rows all have to be among the accepted ones.
    recycled
        Tickers whose stored history makes way for another one.
    disproved
        Columns ticker and session: rows that are wrong, should they be stored.
    exchanges
        Calendar codes that the vendor told, by ticker.

    """
    now = stored_time(moment)
    keys = {"source": source, "run_id": run_id}
    wrong = quarantined.iloc[:0] if disproved is None else disproved
    sessions = pd.concat([accepted["session"], wrong["session"]])
    first = sessions.min().date() if len(sessions) else now.date()
    with warehouse.write() as connection:
        connection.register("incoming", accepted[list(PRICE_COLUMNS)])
        connection.register("refused", quarantined)
        connection.register("disproved", wrong[["ticker", "session"]])
        connection.execute(statement("stage_stored_prices"), {"whole": [*whole, *recycled], "first": first})
        connection.execute(statement("stage_replaced_prices"), {"recycled": list(recycled)})
        restated = dict(connection.execute(statement("replaced_counts")).fetchall())
        if restated:
            connection.execute(statement("revise_prices"), {"replaced_at": now, "run_id": run_id})
            connection.execute(statement("delete_replaced_prices"))
        new = _changed(connection.execute(statement("insert_new_prices"), {**keys, "fetched_at": now}))
        connection.execute(statement("mark_changed_prices"))
        _store_listings(connection, exchanges or {}, {**keys, "learnt_at": now})
        noted = _changed(connection.execute(statement("insert_quarantine"), {**keys, "seen_at": now}))
    return Stored(new, restated, noted)


def newest_prices(warehouse: Warehouse, tickers: Iterable[str], count: int) -> pd.DataFrame:
    """The newest `count` rows of each ticker, columns `PRICE_COLUMNS`, by ticker and session."""
    return _table(warehouse, "newest_prices", tickers=list(tickers), count=count)


def prices_since_holes(
    warehouse: Warehouse, tickers: Iterable[str], source: str, since: datetime
) -> pd.DataFrame:
    """Rows from the first hole on of tickers with one that was seen after `since` (aware).

    A hole is a session that the source gave without a price, and that no price is stored of.
    """
    return _table(
        warehouse, "prices_since_holes", tickers=list(tickers), source=source, since=stored_time(since)
    )


def stored_history(warehouse: Warehouse, tickers: Iterable[str]) -> pd.DataFrame:
    """All stored closes of the tickers: ticker, session, close, adj_close, by ticker and session."""
    return _table(warehouse, "stored_history", tickers=list(tickers))


def read_history(warehouse: Warehouse, tickers: Iterable[str], last: date) -> dict[str, npt.NDArray[Any]]:
    """Columns of the stored prices up to and including `last`, ordered by ticker and session."""
    with warehouse.read() as connection:
        found = connection.execute(
            statement("read_history"), {"tickers": list(tickers), "last": last}
        ).fetchnumpy()
    return {
        name: np.ma.filled(column, np.nan) if column.dtype.kind == "f" else np.ma.filled(column)
        for name, column in found.items()
    }


def newest_by_exchange(warehouse: Warehouse, default: str) -> dict[str, date]:
    """The newest stored session of each exchange, by calendar code.

    Parameters
    ----------
    default
        The exchange of tickers that no run has judged yet.

    """
    with warehouse.read() as connection:
        return dict(connection.execute(statement("newest_by_exchange"), {"default": default}).fetchall())


def stored_sources(warehouse: Warehouse) -> set[str]:
    """The sources that stored prices are from."""
    with warehouse.read() as connection:
        return {row[0] for row in connection.execute(statement("stored_sources")).fetchall()}


def successors(warehouse: Warehouse, ended: Iterable[str]) -> dict[str, str]:
    """For tickers whose prices ended, the symbol that has the same history and goes on."""
    with warehouse.read() as connection:
        return dict(connection.execute(statement("successors"), {"ended": list(ended)}).fetchall())


def _table(warehouse: Warehouse, name: str, **parameters: Any) -> pd.DataFrame:
    with warehouse.read() as connection:
        found = connection.execute(statement(name), parameters).df()
    return found.astype({"ticker": str, "session": "datetime64[s]"})


def _store_listings(connection: Any, exchanges: Mapping[str, str], keys: Mapping[str, Any]) -> None:
    told = pd.DataFrame({"ticker": list(exchanges), "exchange": list(exchanges.values())}, dtype=str)
    connection.register("told", told)
    connection.execute(statement("delete_listings"))
    connection.execute(statement("insert_listings"), keys)


def _changed(result: Any) -> int:
    return int(result.fetchall()[0][0])
