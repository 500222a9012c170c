"""A warehouse that commit 97b982f wrote: opened, migrated, run on and scored by this release.

Two nights of the sample (2013-02-26 and 27, the second with a ticker learning rate of 0.03, so that two
models were rejected), the replay of 21 sessions before them, and a backtest of 2012-12-03 to 14.
"""

import math
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stockjax.reproduce import ledger_rows, reproduce
from stockjax.settings import load_settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.connection import SNAPSHOT
from tests.support.runs import RunDriver, all_steps
from tests.support.warehouse_rows import fetch

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "warehouse-97b982f.tar.xz"
LEDGER = """SELECT ticker, as_of, target, model, model_id, origin, basis_close, predicted_close,
    predicted_return, scale, q05, q25, q50, q75, q95, data_hash,
    code_version, run_id, created_at FROM forecasts ORDER BY ALL"""
SCORES = """SELECT ticker, model, origin, session, window_sessions, n, rmse, mae, pinball, coverage_90
    FROM rolling_metrics WHERE session <= DATE '2013-02-27' ORDER BY 1, 2, 3, 4, 5"""
MODELS = "SELECT model_id, status, replayed, trained_through, sha256 FROM models ORDER BY ALL"


def before(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(database, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def unpacked(folder: Path) -> Warehouse:
    # Python 3.11.2, which is Debian's, has no filters yet; 3.12 warns without one.
    options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, **options)
    return Warehouse(folder, lock_timeout=5)


@pytest.fixture
def old(tmp_path: Path) -> Warehouse:
    return unpacked(tmp_path)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The same, brought up to date."""
    warehouse = unpacked(tmp_path_factory.mktemp("migrated"))
    warehouse.migrate()
    return warehouse


def test_it_is_backed_up_and_migrated_with_all_that_it_has(old: Warehouse) -> None:
    tables = (LEDGER, SCORES, MODELS, "SELECT * FROM runs ORDER BY run_id")
    lines = {sql: before(old.database, sql) for sql in tables}
    assert {len(rows) > 0 for rows in lines.values()} == {True}
    content = old.database.read_bytes()
    assert old.migrate()[0].startswith("0012")
    (backup,) = old.backups.iterdir()
    assert backup.name == "before-0012_known_prices.duckdb"
    assert backup.read_bytes() == content
    assert old.migrate() == []
    for sql, rows in lines.items():
        assert fetch(old, sql) == rows
    assert fetch(old, "SELECT count(*) FROM set_aside") == [(0,)]
    # The first night had all prices up to its session, the second one session more.
    known = "SELECT known_from, count(*), max(session) FROM prices GROUP BY ALL ORDER BY ALL"
    assert [(day, last) for day, _, last in fetch(old, known)] == [
        (date(2013, 2, 26), date(2013, 2, 26)),
        (date(2013, 2, 27), date(2013, 2, 27)),
    ]


def test_a_night_runs_on_it_and_is_scored(old: Warehouse) -> None:
    settings = load_settings(
        warehouse=old.folder,
        warmup={"sessions": 21},
        training={"seeds": 1, "base_steps": 100, "ticker_steps": 8},
        workers=2,
    )
    ledger = before(old.database, LEDGER)
    lines: list[str] = []
    night = RunDriver(settings, date(2013, 2, 28), log=lines.append)
    night.open()
    *_, outcome = all_steps(night)
    night.close("completed", outcome.summary())
    assert outcome.message.startswith("5 of 5 tickers forecast for 2013-03-01")
    assert set(ledger) <= set(fetch(old, LEDGER))
    scored = fetch(
        old,
        """SELECT count(DISTINCT ticker) FROM rolling_metrics
           WHERE origin = 'nightly' AND session = DATE '2013-02-28'""",
    )
    assert scored == [(5,)]
    parents = fetch(
        old,
        """SELECT DISTINCT parent.trained_through FROM models JOIN models AS parent
           ON parent.model_id = models.parent_id
           WHERE models.role = 'ticker' AND models.trained_through = DATE '2013-02-28'""",
    )
    # The inputs are others since: one sentence says so, and training begins from a new base.
    assert set(parents) == {(date(2013, 2, 28),)}
    said = [line for line in lines if "has other inputs than this release" in line]
    assert len(said) == 1
    assert "and so have the models of" in said[0]
    for row in ledger_rows(old, "IBM", date(2013, 2, 27)):
        again = reproduce(old, row)
        assert any("the code was" in cause for cause in again.causes)
        if row["model"] == "lstm":
            assert "has other inputs than this release: reproduce it with stockjax" in again.causes[0]
        else:
            assert again.seen is not None


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_numbers_that_are_none_are_set_aside(old: Warehouse, wrong: float) -> None:
    with duckdb.connect(old.database) as connection:
        connection.execute(
            """UPDATE forecasts SET q95 = ?
               WHERE as_of = DATE '2013-02-27' AND model = 'lstm' AND ticker = 'IBM'""",
            [wrong],
        )
        connection.execute("UPDATE models SET champion_loss = ? WHERE status = 'rejected'", [wrong])
        comments = (
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE table_name = 'forecasts' AND comment IS NOT NULL"
        )
        known = set(connection.execute(comments).fetchall())
        count = connection.execute("SELECT count(*) FROM forecasts").fetchall()[0][0]
    old.migrate()
    assert fetch(old, "SELECT table_name, count(*) FROM set_aside GROUP BY 1 ORDER BY 1") == [
        ("forecasts", 1),
        ("models", 2),
    ]
    assert fetch(old, "SELECT count(*) FROM forecasts") == [(count - 1,)]
    assert fetch(old, "SELECT count(*) FROM models WHERE status = 'rejected' AND champion_loss IS NULL") == [
        (2,)
    ]
    assert known <= set(fetch(old, comments))
    assert (old.folder / SNAPSHOT).exists()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("forecasts", "q95 = 'nan'"),
        ("forecasts", "scale = 'inf'"),
        ("forecasts", "q05 = -1"),
        ("forecasts", "q25 = q75"),
        ("models", "validation_loss = 'inf'"),
        ("rolling_metrics", "rmse_skill = 'nan'"),
    ],
)
def test_the_database_refuses_what_is_no_number(migrated: Warehouse, table: str, change: str) -> None:
    lstm = " WHERE model = 'lstm'" if table == "forecasts" else ""
    with pytest.raises(duckdb.ConstraintException), migrated.write() as connection:
        connection.execute(f"UPDATE {table} SET {change}{lstm}")
