"""A large delivery is checked and stored in parts."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import InvalidDataError
from stockjax.ingest import ingest as ingest_module
from stockjax.ingest.ingest import in_parts
from stockjax.settings import load_settings
from stockjax.sources import Delivery
from tests.support.bars import NEW_YORK
from tests.support.runs import RunDriver
from tests.support.synthetic import price_frame
from tests.support.warehouse_rows import fetch

TICKERS = ["A", "B", "C", "D", "E"]


def delivery() -> Delivery:
    rows = pd.DataFrame({"ticker": ["B", "A", None, "C", "B"], "close": np.arange(5.0)})
    return Delivery(rows, failures={"X": InvalidDataError("no table")}, remarks=("a guess",))


def test_parts_are_the_whole_and_each_thing_is_said_once() -> None:
    parts = list(in_parts(delivery(), 2))
    assert [part.prices["close"].tolist() for part in parts] == [[0, 1, 2, 4], [3]]
    assert [list(part.failures) for part in parts] == [["X"], []]
    assert [part.remarks for part in parts] == [("a guess",), ()]


def test_a_small_delivery_is_handed_on_as_it_is() -> None:
    whole = delivery()
    assert list(in_parts(whole, 3)) == [whole]


def test_prices_in_parts_are_stored_as_prices_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = NEW_YORK.sessions(date(2012, 1, 3), date(2012, 3, 1))
    frames = [price_frame(ticker, days, seed) for seed, ticker in enumerate(TICKERS)]
    prices = pd.concat(frames, ignore_index=True).drop(columns=["dividend", "split"])
    # One row of two tickers is impossible, and one restates what is stored.
    spoilt = prices.assign(low=prices["low"].where(~prices.index.isin([3, 90]), prices["high"] * 2))
    restated = spoilt.assign(volume=spoilt["volume"].where(~spoilt.index.isin([5, 130]), 77.0))
    found: dict[str, list[list[tuple[Any, ...]]]] = {}
    for name, count in (("together", 250), ("in parts", 2)):
        monkeypatch.setattr(ingest_module, "PART_TICKERS", count)
        folder = tmp_path / name
        folder.mkdir()
        settings = load_settings(source="files", path=folder / "prices.csv", warehouse=folder)
        for table, as_of in ((spoilt, days[-2].item()), (restated, days[-1].item())):
            table.to_csv(folder / "prices.csv", index=False)
            night = RunDriver(settings, as_of)
            night.open()
            night.ingest()
            night.close("completed", {})
        columns = "* EXCLUDE (fetched_at, run_id)", "* EXCLUDE (run_id, seen_at)"
        asked = [
            f"SELECT {columns[0]} FROM prices ORDER BY ALL",
            f"SELECT {columns[1]} FROM quarantine ORDER BY ALL",
            "SELECT ticker, session, close, reason FROM price_revisions ORDER BY ALL",
        ]
        found[name] = [fetch(night.warehouse, sql) for sql in asked]
    assert [len(rows) > 0 for rows in found["together"]] == [True, True, True]
    assert found["in parts"] == found["together"]
