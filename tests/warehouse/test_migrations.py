from pathlib import Path

import duckdb
import pytest

from stockjax.errors import WarehouseTooNew
from stockjax.warehouse import Warehouse, migrations

from .made_up import closes, contents, fetch, store

TABLES = "SELECT table_name FROM duckdb_tables() ORDER BY ALL"
DONE = "SELECT name FROM schema_migrations ORDER BY name"


def test_a_new_warehouse_has_every_migration_and_a_second_time_adds_none(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    names = migrations.migration_names()
    assert names == sorted(names)
    assert names[0].startswith("0001_")
    assert warehouse.migrate() == names
    first = contents(warehouse)
    assert [row[0] for row in first["schema_migrations"]] == names
    assert warehouse.migrate() == []
    assert contents(warehouse) == first


PUBLIC = {
    *("prices", "price_revisions", "quarantine", "tickers", "models", "forecasts"),
    *("rolling_metrics", "runs", "schema_migrations"),
    *("latest_forecasts", "scored_forecasts", "leaderboard", "calibration"),
}


def test_every_public_table_and_view_can_be_read(warehouse: Warehouse) -> None:
    with warehouse.read_snapshot() as connection:
        found = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
        assert found >= PUBLIC
        rows = {name: len(connection.table(name).fetchall()) for name in PUBLIC}
    assert rows.pop("schema_migrations") == len(migrations.migration_names())
    assert set(rows.values()) == {0}


def test_every_migration_is_its_own_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_good.sql").write_text("CREATE TABLE good (x INTEGER); INSERT INTO good VALUES (1);")
    (folder / "0002_bad.sql").write_text(
        "CREATE TABLE half (x INTEGER); INSERT INTO good VALUES (2); INSERT INTO half VALUES ('no number');"
    )
    (folder / "0003_later.sql").write_text("CREATE TABLE later (x INTEGER);")
    (folder / "notes.md").write_text("not a migration")
    monkeypatch.setattr(migrations, "_FOLDER", folder)
    warehouse = Warehouse(tmp_path / "warehouse")

    with pytest.raises(duckdb.ConversionException):
        warehouse.migrate()
    assert fetch(warehouse, TABLES) == [("good",), ("schema_migrations",)]
    assert fetch(warehouse, DONE) == [("0001_good.sql",)]
    assert fetch(warehouse, "SELECT x FROM good") == [(1,)]

    (folder / "0002_bad.sql").write_text("CREATE TABLE half (x INTEGER); INSERT INTO good VALUES (2);")
    assert warehouse.migrate() == ["0002_bad.sql", "0003_later.sql"]
    assert fetch(warehouse, "SELECT x FROM good ORDER BY x") == [(1,), (2,)]
    assert fetch(warehouse, TABLES) == [("good",), ("half",), ("later",), ("schema_migrations",)]


def test_a_new_migration_keeps_the_data_and_reaches_the_readers(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(warehouse, closes("A", {"2013-03-01": 10}))
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name in migrations.migration_names():
        (folder / name).write_text((migrations._FOLDER / name).read_text(encoding="utf-8"))
    (folder / "9999_note.sql").write_text("ALTER TABLE prices ADD COLUMN note VARCHAR;")
    monkeypatch.setattr(migrations, "_FOLDER", folder)
    assert warehouse.migrate() == ["9999_note.sql"]
    with warehouse.read_snapshot() as connection:
        assert connection.execute("SELECT ticker, note FROM prices").fetchall() == [("A", None)]


def test_a_warehouse_of_a_newer_release_is_left_alone(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('9999_future.sql', TIMESTAMP '2030-01-01')")
    before = contents(warehouse)
    with pytest.raises(WarehouseTooNew, match=r"9999_future\.sql.*upgrade stockjax") as caught:
        warehouse.migrate()
    assert "\n" not in str(caught.value)
    assert contents(warehouse) == before
