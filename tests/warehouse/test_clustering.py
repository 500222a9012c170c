from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from stockjax.warehouse import Warehouse, clustering
from stockjax.warehouse.clustering import cluster_by_ticker
from stockjax.warehouse.ledger import append_forecasts
from tests.support.warehouse_rows import MOMENT, closes, contents, fetch, forecast, store

DAYS = [f"{day:%Y-%m-%d}" for day in pd.date_range("2012-12-20", "2013-01-10", freq="B")]


def night(warehouse: Warehouse, number: int) -> None:
    """One night of three tickers and two models."""
    moment = MOMENT + timedelta(days=number)
    for ticker in "CAB":
        store(warehouse, closes(ticker, {DAYS[number]: 10.0 + number}), moment=moment)
    rows = [
        forecast(DAYS[number], DAYS[number + 1], model, ticker=ticker)
        for ticker in "BCA"
        for model in ("lstm", "har")
    ]
    append_forecasts(warehouse, pd.DataFrame(rows), code_version="1", run_id="run", moment=moment)


@pytest.fixture
def crowded(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Twelve nights over the turn of a year, and a limit that they pass."""
    monkeypatch.setattr(clustering, "UNSORTED_ROWS", {"forecasts": 30, "prices": 30})
    with warehouse.keep_open():
        for number in range(12):
            night(warehouse, number)
    return warehouse


def test_rows_are_moved_together_by_ticker_and_none_is_changed(crowded: Warehouse) -> None:
    before = contents(crowded)
    assert cluster_by_ticker(crowded) == 12 * 6 + 12 * 3
    after = contents(crowded)
    assert after.pop("storage_order") != before.pop("storage_order")
    assert after == before
    years = fetch(crowded, "SELECT year(as_of), ticker, as_of FROM forecasts")
    assert years == sorted(years)
    assert fetch(crowded, "SELECT year(session), ticker FROM prices") == sorted(
        fetch(crowded, "SELECT year(session), ticker FROM prices")
    )


def test_it_waits_until_there_is_much_and_takes_the_run_along(crowded: Warehouse) -> None:
    cluster_by_ticker(crowded)
    assert cluster_by_ticker(crowded) == 0
    night(crowded, 12)
    assert cluster_by_ticker(crowded) == 0
    last = fetch(crowded, "SELECT ticker FROM forecasts")[-6:]
    assert last != [("C",)] * 6


def test_a_full_run_is_never_moved_again(crowded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "_RUN", 1)
    assert cluster_by_ticker(crowded) > 0
    monkeypatch.setattr(clustering, "UNSORTED_ROWS", {"forecasts": 1, "prices": 1})
    night(crowded, 12)
    assert cluster_by_ticker(crowded) == 6 + 3


def test_what_fails_half_way_loses_nothing_and_is_done_the_next_time(
    crowded: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(crowded)
    real = clustering.statement
    monkeypatch.setattr(
        clustering,
        "statement",
        lambda name: "SELECT nonsense" if name == "insert_run_of_prices" else real(name),
    )
    with pytest.raises(Exception, match="nonsense"):
        cluster_by_ticker(crowded)
    after = contents(crowded)
    assert {name: rows for name, rows in after.items() if name != "storage_order"} == {
        name: rows for name, rows in before.items() if name != "storage_order"
    }
    monkeypatch.setattr(clustering, "statement", real)
    assert cluster_by_ticker(crowded) >= 12 * 3
    assert contents(crowded)["prices"] == before["prices"]


def test_a_small_warehouse_is_left_alone(warehouse: Warehouse) -> None:
    night(warehouse, 0)
    written = Path(warehouse.database).stat().st_mtime_ns
    assert cluster_by_ticker(warehouse) == 0
    assert Path(warehouse.database).stat().st_mtime_ns == written
