"""Letting old reports go."""

from datetime import date
from pathlib import Path

from stockjax.reporting.folder import purge_reports
from stockjax.warehouse import Warehouse


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


def test_a_warehouse_without_reports_has_none_to_let_go(warehouse: Warehouse) -> None:
    assert not warehouse.reports.exists()
    assert purge_reports(warehouse, date(2020, 1, 1)) == 0
