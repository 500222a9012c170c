"""Small tables that the tests of the warehouse store."""

import math
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from stockjax.sources import PRICE_COLUMNS
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts
from stockjax.warehouse.prices import Stored, store_prices

MOMENT = datetime(2013, 3, 1, 22, tzinfo=UTC)
QUANTILES = {"q05": -0.05, "q25": -0.01, "q50": 0.0, "q75": 0.01, "q95": 0.05}
NOTHING_REFUSED = pd.DataFrame(
    {name: pd.Series(dtype=str) for name in ("ticker", "session", "reason", "severity", "row")}
).astype({"session": "datetime64[s]"})


def price_rows(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Rows as a source delivers them; what a row leaves out follows from its close."""
    filled = []
    for row in rows:
        close = row["close"]
        usual = {"ticker": "A", "open": close, "high": close, "low": close, "adj_close": close}
        filled.append(usual | {"volume": 100.0, "dividend": 0.0, "split": 1.0} | dict(row))
    frame = pd.DataFrame(filled, columns=list(PRICE_COLUMNS))
    frame["session"] = pd.to_datetime(frame["session"]).astype("datetime64[s]")
    return frame


def closes(ticker: str, by_session: Mapping[str, float], **others: Any) -> pd.DataFrame:
    """One ticker's rows from its closes."""
    rows = [{"ticker": ticker, "session": day, "close": close} for day, close in by_session.items()]
    return price_rows(*[row | others for row in rows])


def refused_rows(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Rows that the gate turned away."""
    usual = {
        "ticker": "A",
        "session": "2013-03-01",
        "reason": "not_positive",
        "severity": "reject",
        "row": "{}",
    }
    frame = pd.DataFrame([usual | dict(row) for row in rows])
    frame["session"] = pd.to_datetime(frame["session"]).astype("datetime64[s]")
    return frame


def store(
    warehouse: Warehouse,
    accepted: pd.DataFrame,
    refused: pd.DataFrame = NOTHING_REFUSED,
    *,
    run_id: str = "run-1",
    moment: datetime = MOMENT,
    replaced: Iterable[str] = (),
    recycled: Iterable[str] = (),
    disproved: pd.DataFrame | None = None,
) -> Stored:
    """Store rows of the made-up source 'test'."""
    return store_prices(
        warehouse,
        accepted,
        refused,
        source="test",
        run_id=run_id,
        moment=moment,
        replaced_tickers=replaced,
        recycled=recycled,
        disproved=disproved,
    )


def forecast(as_of: str, target: str, model: str = "lstm", **values: Any) -> dict[str, Any]:
    """One row for the ledger; the quantiles lie about the predicted return."""
    basis, predicted = values.get("basis_close", 100.0), values.get("predicted_return", 0.0)
    row = {
        "ticker": "A",
        "as_of": pd.Timestamp(as_of),
        "target": pd.Timestamp(target),
        "model": model,
        "model_id": "network-1" if model == "lstm" else None,
        "origin": "nightly",
        "basis_close": basis,
        "predicted_close": basis * math.exp(predicted),
        "predicted_return": predicted,
        "scale": 0.02,
        **{name: basis * math.exp(predicted + offset) for name, offset in QUANTILES.items()},
        "data_hash": "data-1",
    }
    return row | values


def append(warehouse: Warehouse, *rows: Mapping[str, Any], run_id: str = "run-1") -> int:
    """Put forecasts into the ledger."""
    return append_forecasts(
        warehouse, pd.DataFrame(list(rows)), code_version="code-1", run_id=run_id, moment=MOMENT
    )


def fetch(warehouse: Warehouse, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query on the writer's file."""
    with warehouse.read() as connection:
        return connection.execute(sql, list(parameters)).fetchall()


def contents(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with warehouse.read() as connection:
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: sorted(connection.table(name).fetchall(), key=repr) for name in names}


_HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("open", flush=True)
for line in sys.stdin:
    print(connection.execute(line).fetchall(), flush=True)
"""


@contextmanager
def held_by_another_process(path: Path, mode: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has opened `path` and answers the queries written to it."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], sql: str) -> str:
    """What the other process reads."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(sql + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()
