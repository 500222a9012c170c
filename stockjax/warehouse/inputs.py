"""What forecasts were made from, on record beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import numpy as np
import numpy.typing as npt

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement
from stockjax.warehouse.time import stored_time


@dataclass(frozen=True)
class ForecastInputs:
    """The prices that some forecasts of a run saw.

    Attributes
    ----------
    replayed
        Whether they are those of its replay of the past, and not of a night.
    as_of
        Last session whose prices were at hand.
    read_at
        When they were read, aware.
    tickers, exchanges, fingerprints
        Of each ticker, in the order in which the market was summed up: its symbol, its
        calendar's code and the fingerprint of its prices.

    """

    replayed: bool
    as_of: date
    read_at: datetime
    tickers: tuple[str, ...]
    exchanges: tuple[str, ...]
    fingerprints: tuple[str, ...]


def insert_inputs(connection: duckdb.DuckDBPyConnection, inputs: ForecastInputs, run_id: str) -> None:
    """Note the inputs of a run's forecasts, once, in the transaction that writes them."""
    connection.execute(
        statement("insert_inputs"),
        {
            "run_id": run_id,
            "replayed": inputs.replayed,
            "as_of": inputs.as_of,
            "read_at": stored_time(inputs.read_at),
            "tickers": list(inputs.tickers),
            "exchanges": list(inputs.exchanges),
            "fingerprints": list(inputs.fingerprints),
        },
    )


def history_known_at(
    warehouse: Warehouse, tickers: Sequence[str], last: date, moment: datetime
) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of the prices up to `last` as they were known at a moment (aware), by ticker and session."""
    with warehouse.read_snapshot() as connection:
        found = connection.execute(
            statement("history_known_at"),
            {"tickers": list(tickers), "last": last, "moment": stored_time(moment)},
        ).fetchnumpy()
    return {
        name: np.ma.filled(column, np.nan) if column.dtype.kind == "f" else np.ma.filled(column)
        for name, column in found.items()
    }
