"""How pages are put in place, and how old ones go."""

import os
import shutil
from datetime import date
from pathlib import Path

import pytest

from stockjax.reporting.report_folder import chart_library, publish, purge_reports
from stockjax.warehouse import Warehouse

DAY = date(2013, 3, 1)


def report(warehouse: Warehouse, session: str) -> Path:
    folder = warehouse.reports / session
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("a page", encoding="utf-8")
    return folder


def test_reports_of_sessions_before_the_date_go(warehouse: Warehouse) -> None:
    kept = [report(warehouse, day) for day in ("2013-02-28", "2013-03-01")]
    gone = [report(warehouse, day) for day in ("2012-12-31", "2013-02-27")]
    assert purge_reports(warehouse, date(2013, 2, 28)) == 2
    assert all(folder.is_dir() for folder in kept)
    assert not any(folder.exists() for folder in gone)
    assert purge_reports(warehouse, date(2013, 2, 28)) == 0


def test_what_is_no_report_of_a_session_stays(warehouse: Warehouse) -> None:
    others = [report(warehouse, name) for name in ("notes", "2012", "2012-01-01-copy", ".2012-01-01")]
    library = warehouse.reports / "plotly-6.3.0.min.js"
    library.write_text("a library", encoding="utf-8")
    assert purge_reports(warehouse, date(2020, 1, 1)) == 0
    assert library.exists()
    assert all((folder / "index.html").exists() for folder in others)


def test_a_warehouse_without_reports_has_none_to_deleted(warehouse: Warehouse) -> None:
    assert not warehouse.reports.exists()
    assert purge_reports(warehouse, date(2020, 1, 1)) == 0


def shown(name: str) -> str:
    return f"a page of {name}"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_page_and_the_series_that_it_names_are_put_in_place_together(warehouse: Warehouse) -> None:
    page = publish(warehouse, DAY, ["one", "two"], shown)
    assert page == warehouse.reports / "2013-03-01" / "index.html"
    series = page.read_text(encoding="utf-8").removeprefix("a page of ")
    assert {path.name: path.read_text() for path in (page.parent / series).iterdir()} == {
        "0.js": "one",
        "1.js": "two",
    }
    assert names(page.parent) == {"index.html", series}
    publish(warehouse, DAY, ["one", "other"], shown)
    other = page.read_text(encoding="utf-8").removeprefix("a page of ")
    assert other != series
    assert names(page.parent) == {"index.html", other}
    publish(warehouse, DAY, ["one", "two"], shown)
    assert names(page.parent) == {"index.html", series}


def test_whatever_is_left_of_a_run_that_was_killed_does_no_harm(warehouse: Warehouse) -> None:
    page = publish(warehouse, DAY, ["one"], shown)
    text = page.read_text(encoding="utf-8")
    series = text.removeprefix("a page of ")
    (page.parent / ".series-000000000000.unfinished").mkdir()
    (page.parent / f".{series}.unfinished").mkdir()
    (page.parent / f".{series}.unfinished" / "7.js").write_text("half", encoding="utf-8")
    shutil.rmtree(page.parent / series)
    page.unlink()
    assert publish(warehouse, DAY, ["one"], shown).read_text(encoding="utf-8") == text
    assert names(page.parent) == {"index.html", series}
    assert names(page.parent / series) == {"0.js"}


def test_a_page_that_cannot_be_made_leaves_the_one_before(warehouse: Warehouse) -> None:
    page = publish(warehouse, DAY, ["one"], shown)
    text = page.read_text(encoding="utf-8")

    def fails(name: str) -> str:
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError):
        publish(warehouse, DAY, ["two"], fails)
    assert page.read_text(encoding="utf-8") == text
    assert (page.parent / text.removeprefix("a page of ")).is_dir()
    publish(warehouse, DAY, ["one"], shown)
    assert names(page.parent) == {"index.html", text.removeprefix("a page of ")}


def test_the_library_is_one_file_in_all_folders(warehouse: Warehouse) -> None:
    name = chart_library(warehouse, DAY)
    own, shared = warehouse.reports / "2013-03-01" / name, warehouse.reports / name
    assert chart_library(warehouse, date(2013, 3, 4)) == name
    assert own.stat().st_ino == shared.stat().st_ino
    assert own.stat().st_nlink == 3
    assert own.stat().st_size > 1_000_000


def test_without_links_the_library_is_copied(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*paths: Path) -> None:
        raise PermissionError(paths)

    monkeypatch.setattr(os, "link", refused)
    name = chart_library(warehouse, DAY)
    own, shared = warehouse.reports / "2013-03-01" / name, warehouse.reports / name
    assert own.stat().st_ino != shared.stat().st_ino
    assert own.read_bytes() == shared.read_bytes()
