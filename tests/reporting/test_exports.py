import csv
from pathlib import Path

import pandas as pd
import pytest

from stockjax.reporting import exports
from stockjax.reporting.exports import export_latest
from stockjax.warehouse import Warehouse
from tests.support.warehouse_rows import append, forecast

HOSTILE = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\tX", " =1", "../../x", "<b>", "a\"b,'c'"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_both_files_have_the_newest_forecasts_in_the_order_of_the_view(warehouse: Warehouse) -> None:
    append(warehouse, forecast("2013-02-27", "2013-02-28"), forecast("2013-02-28", "2013-03-01"))
    append(warehouse, forecast("2013-02-28", "2013-03-01", "har"))
    paths = export_latest(warehouse, warehouse.folder / "out" / "deep")
    assert [path.name for path in paths] == ["latest_forecasts.parquet", "latest_forecasts.csv"]
    table = pd.read_parquet(paths[0])
    assert table[["ticker", "model"]].to_numpy().tolist() == [["A", "har"], ["A", "lstm"]]
    with warehouse.read_snapshot() as connection:
        names = [row[0] for row in connection.execute("DESCRIBE latest_forecasts").fetchall()]
    announced = ["report_date", "report_timing", "report_status", "reaction"]
    assert table.columns.tolist() == [*names, *announced] == list(rows(paths[1])[0])
    assert table[announced[:3]].isna().all(axis=None)
    assert not table["reaction"].any()
    assert [row["as_of"] for row in rows(paths[1])] == ["2013-02-28"] * 2
    assert float(rows(paths[1])[0]["q05"]) == table["q05"].iloc[0]


def test_no_cell_of_the_csv_file_is_a_formula_and_no_file_has_the_name_of_a_ticker(
    warehouse: Warehouse,
) -> None:
    append(warehouse, *(forecast("2013-02-28", "2013-03-01", ticker=name) for name in HOSTILE))
    folder = warehouse.folder / "out"
    parquet, text = export_latest(warehouse, folder)
    assert sorted(pd.read_parquet(parquet)["ticker"]) == sorted(HOSTILE)
    lines = [row["ticker"] for row in rows(text)]
    assert sorted(name.removeprefix("'") for name in lines) == sorted(HOSTILE)
    assert [name for name in lines if name.strip()[0] in "=+-@"] == []
    assert {path.name for path in folder.iterdir()} == {parquet.name, text.name}


def test_an_export_that_fails_leaves_the_file_before_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(warehouse, forecast("2013-02-27", "2013-02-28"))
    parquet, text = export_latest(warehouse, warehouse.folder)
    before = parquet.read_bytes(), text.read_bytes()
    append(warehouse, forecast("2013-02-28", "2013-03-01"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        export_latest(warehouse, warehouse.folder)
    assert (parquet.read_bytes(), text.read_bytes()) == before


def test_a_warehouse_without_forecasts_gives_files_without_rows(warehouse: Warehouse) -> None:
    parquet, text = export_latest(warehouse, warehouse.folder)
    assert pd.read_parquet(parquet).empty
    assert text.read_text(encoding="utf-8").startswith("ticker,as_of,target,")
    assert rows(text) == []
