"""The example queries that only a warehouse with restated prices has an answer to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from stockjax.warehouse import Warehouse
from stockjax.warehouse.query import query

from .made_up import closes, price_rows, store

QUERIES = Path(__file__).parents[2] / "warehouse" / "queries"


def answer(warehouse: Warehouse, name: str) -> pd.DataFrame:
    return query(warehouse, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))


@pytest.fixture
def restated(warehouse: Warehouse) -> Warehouse:
    """A warehouse whose vendor split one ticker yesterday and withdrew a row of another."""
    now = datetime.now(UTC)
    store(warehouse, closes("A", {"2013-02-27": 10, "2013-02-28": 12}), moment=now - timedelta(days=30))
    store(warehouse, closes("B", {"2013-02-27": 20, "2013-02-28": 21}), moment=now - timedelta(days=30))
    split = [
        {"session": "2013-02-27", "close": 5.0},
        {"session": "2013-02-28", "close": 6.0},
        {"session": "2013-03-01", "close": 6.5, "split": 2.0},
    ]
    store(warehouse, price_rows(*split), moment=now - timedelta(days=1))
    store(warehouse, closes("B", {"2013-02-28": 21}), moment=now - timedelta(hours=1), whole=["B"])
    return warehouse


def test_prices_that_were_others_a_week_ago_stand_beside_those_of_now(restated: Warehouse) -> None:
    found = answer(restated, "prices_known_then")
    assert found.to_dict("split")["data"] == [
        ["A", pd.Timestamp("2013-02-28"), 12.0, 6.0],
        ["A", pd.Timestamp("2013-02-27"), 10.0, 5.0],
    ]


def test_restatements_are_counted_by_reason_newest_first(restated: Warehouse) -> None:
    found = answer(restated, "restatements")
    assert found[["ticker", "reason", "rows"]].to_dict("split")["data"] == [
        ["B", "withdrawn", 1],
        ["A", "split", 2],
    ]
    assert found["first_session"].tolist() == [pd.Timestamp("2013-02-27")] * 2
    assert found["last_session"].tolist() == [pd.Timestamp("2013-02-27"), pd.Timestamp("2013-02-28")]
