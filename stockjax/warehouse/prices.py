"""Prices in and out of the warehouse."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.sources import PRICE_COLUMNS
from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement
from stockjax.warehouse.time import stored_time

_TICKERS_TOGETHER = 200


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
    moment: datetime | None = None,
    known_from: date | None = None,
    replaced_tickers: Iterable[str] = (),
    recycled: Iterable[str] = (),
    disproved: pd.DataFrame | None = None,
    disproved_at_once: pd.DataFrame | None = None,
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
        When the prices are stored, aware; None for the clock inside the transaction, so that later
        readers see them and earlier ones did not.
    known_from
        Session of the run; None for the day of `moment`.
    replaced_tickers
        Tickers whose stored rows all have to be among the accepted ones.
    recycled
        Tickers whose stored history makes way for another one.
    disproved
        Columns ticker and session: rows that are wrong, should they be stored.
    disproved_at_once
        Rows that are wrong by the next bar of the same delivery, columns `PRICE_COLUMNS` and `known_until`,
        the session of that bar.
    exchanges
        Calendar codes from the vendor, by ticker.

    """
    keys = {"source": source, "run_id": run_id}
    wrong = quarantined.iloc[:0] if disproved is None else disproved
    sessions = pd.concat([accepted["session"], wrong["session"]])
    with warehouse.write() as connection:
        at = moment or datetime.now(UTC)
        now, since = stored_time(at), known_from or at.date()
        first = sessions.min().date() if len(sessions) else now.date()
        connection.register("incoming", accepted[list(PRICE_COLUMNS)])
        connection.register("refused", quarantined)
        connection.register("disproved", wrong[["ticker", "session"]])
        stored_from = {"replaced": [*replaced_tickers, *recycled], "first": first}
        connection.execute(statement("stage_stored_prices"), stored_from)
        revised = {"replaced_at": now, "run_id": run_id, "known_until": since}
        restated = _revise(connection, list(recycled), revised)
        fetched = {**keys, "fetched_at": now, "known_from": since}
        new = _changed(connection.execute(statement("insert_new_prices"), fetched))
        if disproved_at_once is not None and len(disproved_at_once):
            connection.register("disproved", disproved_at_once[[*PRICE_COLUMNS, "known_until"]])
            connection.execute(statement("insert_disproved_prices"), fetched)
        connection.execute(statement("mark_changed_prices"))
        _store_listings(connection, exchanges or {}, {**keys, "learnt_at": now})
        noted = _changed(connection.execute(statement("insert_quarantine"), {**keys, "seen_at": now}))
    return Stored(new, restated, noted)


def _revise(connection: Any, recycled: list[str], revised: Mapping[str, object]) -> dict[str, int]:
    """Move the rows that the incoming ones replace to `price_revisions`; returns how many, by reason."""
    connection.execute(statement("stage_replaced_prices"), {"recycled": recycled})
    restated = dict(connection.execute(statement("replaced_counts")).fetchall())
    if restated:
        connection.execute(statement("revise_prices"), revised)
        connection.execute(statement("delete_replaced_prices"))
    return restated


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
    """All stored closes and volumes: ticker, session, close, adj_close, volume, by ticker and session."""
    return _table(warehouse, "stored_history", tickers=list(tickers))


def stored_rows(warehouse: Warehouse, tickers: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Columns of all stored rows by ticker and session; `number` is the place of the ticker in `tickers`."""
    with warehouse.read() as connection:
        return _columns(connection.execute(statement("stored_rows"), {"tickers": list(tickers)}))


def read_known_prices(
    warehouse: Warehouse, tickers: Iterable[str], last: date
) -> tuple[Iterator[dict[str, npt.NDArray[Any]]], datetime]:
    """Every version of the prices up to and including `last`, and when they were read (aware).

    Returns
    -------
    Columns of some of the tickers after others, so that the memory need not hold them all twice.

    """
    # No other process writes while this one holds the lock: later rows have a later moment.
    moment = datetime.now(UTC)
    return _versions(warehouse.read, tickers, last, moment), moment


def known_prices_at(
    warehouse: Warehouse, tickers: Iterable[str], last: date, moment: datetime
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """The same as the warehouse had them at a moment (aware), from the readers' copy."""
    return _versions(warehouse.read_snapshot, tickers, last, moment)


def _versions(
    connect: Callable[[], AbstractContextManager[Any]], tickers: Iterable[str], last: date, moment: datetime
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    # In the order in which they are stored, so that a part is read from a part of the file.
    names = sorted(tickers)
    asked = {"last": last, "moment": stored_time(moment)}
    with connect() as connection:
        for start in range(0, len(names), _TICKERS_TOGETHER):
            part = names[start : start + _TICKERS_TOGETHER]
            found = connection.execute(statement("known_prices"), {**asked, "tickers": part})
            columns = _columns(found)
            yield {"ticker": np.array(part, dtype=object)[columns.pop("number")], **columns}


def _columns(found: Any) -> dict[str, npt.NDArray[Any]]:
    columns = {name: _filled(column) for name, column in found.fetchnumpy().items()}
    return {**columns, "number": columns["number"].astype(np.int64)}


def _filled(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if column.dtype.kind == "f":
        return np.ma.filled(column, np.nan)
    if column.dtype.kind == "M":
        # In the unit of the column: NumPy 2.5 has no use for a NaT without one.
        unknown: Any = np.array("NaT", dtype=column.dtype)[()]
        filled: npt.NDArray[Any] = np.ma.filled(column, unknown)
        return filled
    return np.ma.filled(column)


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
    listed = pd.DataFrame({"ticker": list(exchanges), "exchange": list(exchanges.values())}, dtype=str)
    connection.register("vendor_listings", listed)
    connection.execute(statement("delete_listings"))
    connection.execute(statement("insert_listings"), keys)


def _changed(result: Any) -> int:
    return int(result.fetchall()[0][0])
