"""The inputs of forecasts, which are stored with them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb

from stockjax.warehouse.statements import statement
from stockjax.warehouse.time import stored_time


@dataclass(frozen=True)
class ForecastInputs:
    """The prices that some forecasts of a run saw.

    Attributes
    ----------
    replayed
        Whether they are those of a backtest, and not of a night.
    as_of
        Last session whose prices were at hand.
    read_at
        When they were read, aware.
    tickers, exchanges, fingerprints
        Of each ticker, in the order in which the market was summed up: its symbol, its
        calendar's code and the fingerprint of its prices.
    forecast_sessions
        Sessions that a ticker must have to be among those that a session can use.
    context
        Settings that say what was known next to prices.

    """

    replayed: bool
    as_of: date
    read_at: datetime
    tickers: tuple[str, ...]
    exchanges: tuple[str, ...]
    fingerprints: tuple[str, ...]
    forecast_sessions: int
    context: Mapping[str, object] = field(default_factory=dict)


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
            "forecast_sessions": inputs.forecast_sessions,
            "context": json.dumps(inputs.context, sort_keys=True),
        },
    )
