"""Prices in and out of the warehouse."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.sources import PRICE_COLUMNS
from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement
from stockjax.warehouse.time import stored_time


def store_prices(
    warehouse: Warehouse,
    accepted: pd.DataFrame,
    refused: pd.DataFrame,
    *,
    source: str,
    run_id: str,
    moment: datetime,
) -> dict[str, int]:
    """Store checked prices and the rows that a check pointed at, in one transaction.

    Rows that are there already with the same values stay as they are; a row that the vendor
    restated moves to `price_revisions` first. Storing the same rows twice changes nothing.

    Parameters
    ----------
    accepted
        One row per (ticker, session), columns `PRICE_COLUMNS`.
    refused
        Columns ticker, session, reason, severity and row (JSON text).
    moment
        When the prices were fetched, aware.

    Returns
    -------
    Counts: stored (new or changed rows), restated, quarantined.

    """
    incoming = accepted[list(PRICE_COLUMNS)]
    now = stored_time(moment)
    with warehouse.write() as connection:
        connection.register("incoming", incoming)
        connection.register("refused", refused)
        restated = _changed(
            connection.execute(statement("revise_prices"), {"replaced_at": now, "run_id": run_id})
        )
        connection.execute(statement("delete_restated_prices"))
        keys = {"source": source, "run_id": run_id}
        stored = _changed(connection.execute(statement("insert_new_prices"), {**keys, "fetched_at": now}))
        quarantined = _changed(connection.execute(statement("insert_quarantine"), {**keys, "seen_at": now}))
    return {"stored": stored, "restated": restated, "quarantined": quarantined}


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


def last_stored_session(warehouse: Warehouse) -> date | None:
    """The newest session of any ticker; None while no price is stored."""
    with warehouse.read() as connection:
        newest: date | None = connection.execute(statement("last_stored_session")).fetchall()[0][0]
    return newest


def _changed(result: Any) -> int:
    return int(result.fetchall()[0][0])
