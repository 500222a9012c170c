import shutil
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from stockjax.errors import WarehouseTooNewError, WarehouseTooOldError
from stockjax.scoring import refresh_rolling_metrics
from stockjax.warehouse import Warehouse, migrations
from tests.support.warehouse_rows import closes, contents, fetch, forecast, store

NOW = datetime(2013, 3, 1, 22)
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


def test_a_process_that_dies_after_its_migrations_leaves_them_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, left = Warehouse(tmp_path / "warehouse"), Warehouse(tmp_path / "left")
    apply_scripts = migrations.apply_scripts

    def with_files_left(opened: duckdb.DuckDBPyConnection) -> bool:
        applied = apply_scripts(opened)
        shutil.copytree(warehouse.folder, left.folder, dirs_exist_ok=True)
        return applied

    with monkeypatch.context() as patch:
        patch.setattr("stockjax.warehouse.connection.apply_scripts", with_files_left)
        warehouse.migrate()
    assert (left.folder / "stockjax.duckdb.wal").stat().st_size > 1000
    assert not left.snapshot.exists()
    assert left.migrate() == []
    assert contents(left) == contents(warehouse)


VIEWS = ("latest_forecasts", "scored_forecasts", "leaderboard", "calibration")
PUBLIC = {
    *("prices", "price_revisions", "quarantine", "tickers", "models", "forecasts"),
    *("rolling_metrics", "runs", "schema_migrations"),
    *VIEWS,
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
    monkeypatch.setattr(migrations, "VIEWS", ())
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


def columns(warehouse: Warehouse, table: str) -> list[str]:
    return [row[0] for row in fetch(warehouse, f"DESCRIBE {table}")]


def only_first(count: int, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The migrations of an earlier release, in a folder of their own."""
    folder.mkdir()
    for name in migrations.migration_names()[:count]:
        (folder / name).write_text((migrations._FOLDER / name).read_text(encoding="utf-8"))
    patch.setattr(migrations, "_FOLDER", folder)
    patch.setattr(migrations, "VIEWS", ())


def test_rolling_errors_of_an_earlier_release_stay_and_get_the_new_scores_next_to_them(
    tmp_path: Path,
) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    days = ["2013-02-27", "2013-02-28", "2013-03-01"]
    with pytest.MonkeyPatch.context() as patch:
        only_first(3, tmp_path / "before", patch)
        assert warehouse.migrate()[-1] == "0003_ingest.sql"
    with warehouse.write() as connection:
        for day, close in zip(days, (100.0, 102.0, 101.0), strict=True):
            connection.execute(
                "INSERT INTO prices BY NAME SELECT 'A' AS ticker, $day::DATE AS session, $close AS close, "
                "$close AS adj_close, 'test' AS source, $now AS fetched_at, 'run-1' AS run_id",
                {"day": day, "close": close, "now": NOW},
            )
        for model in ("lstm", "random_walk", "ewma", "har"):
            rows = pd.DataFrame(
                [forecast(days[0], days[1], model), forecast(days[1], days[2], model)]
            ).assign(code_version="code-1", run_id="run-1", created_at=NOW)
            connection.register("rows", rows)
            connection.execute("INSERT INTO forecasts BY NAME FROM rows")
    with warehouse.write() as connection:
        connection.execute(
            "INSERT INTO rolling_metrics VALUES ('A', 'lstm', 'nightly', DATE '2013-02-28', 21, 1, "
            "0.1, 0.2, 0.3, 0.4, 0.5, NULL, NULL, NULL, 0.6, NULL, 0.7, 0.8)"
        )
    before = contents(warehouse)

    with pytest.MonkeyPatch.context() as patch:
        only_first(4, tmp_path / "after", patch)
        assert warehouse.migrate() == ["0004_interval_scores.sql"]
    after = contents(warehouse)
    (row,) = before.pop("rolling_metrics")
    assert after.pop("rolling_metrics") == [(*row, None, None, None)]
    described = [name for name, *_ in fetch(warehouse, "DESCRIBE rolling_metrics")]
    assert described[-3:] == ["crps", "winkler_90", "width_90"]
    del before["schema_migrations"], after["schema_migrations"]
    assert after == before

    # Since then sums are exact, and everything is scored again once.
    warehouse.migrate()
    with warehouse.read_snapshot() as connection:
        assert {name: len(connection.table(name).fetchall()) for name in VIEWS}["scored_forecasts"] == 8
    refresh_rolling_metrics(warehouse)
    lines = "SELECT session, n, crps IS NULL, winkler_90 IS NULL FROM rolling_metrics WHERE model = 'lstm'"
    sessions = [(date(2013, 2, 28), 1, False, False), (date(2013, 3, 1), 2, False, False)]
    assert fetch(warehouse, lines + " ORDER BY session") == [row for row in sessions for _ in range(3)]
    assert fetch(warehouse, "FROM unscored") == []
    assert len(fetch(warehouse, "FROM latest_forecasts")) == 4


def test_an_earlier_release_leaves_the_warehouse_of_this_one_alone(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_first(3, tmp_path / "migrations", monkeypatch)
    with pytest.raises(WarehouseTooNewError, match=r"0004_interval_scores\.sql.*upgrade stockjax"):
        warehouse.migrate()


def test_a_warehouse_of_a_newer_release_is_left_alone(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('9999_future.sql', TIMESTAMP '2030-01-01')")
    before = contents(warehouse)
    with pytest.raises(WarehouseTooNewError, match=r"9999_future\.sql.*upgrade stockjax") as caught:
        warehouse.migrate()
    assert "\n" not in str(caught.value)
    assert contents(warehouse) == before


def test_the_scripts_of_views_are_applied_when_one_has_changed(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "views"
    for kind in ("views", "comments"):
        shutil.copytree(str(migrations._SQL / kind), tmp_path / kind)
    assert {path.name for path in folder.iterdir()} == {f"{name}.sql" for name in migrations.VIEWS}
    monkeypatch.setattr(migrations, "_SQL", tmp_path)
    assert warehouse.migrate() == []
    with (folder / "calibration.sql").open("a") as script:
        script.write("CREATE OR REPLACE VIEW calibration AS SELECT 'changed' AS model;\n")
    with pytest.raises(
        WarehouseTooOldError, match=r"views of the warehouse are those of another stockjax.*stockjax run"
    ):
        warehouse.check_current()
    assert warehouse.migrate() == []
    warehouse.check_current()
    with warehouse.read_snapshot() as connection:
        assert connection.execute("FROM calibration").fetchall() == [("changed",)]
        assert len(connection.execute("FROM schema_views").fetchall()) == 1


def test_another_comment_is_applied_and_refuses_no_reader(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("views", "comments"):
        shutil.copytree(str(migrations._SQL / kind), tmp_path / kind)
    monkeypatch.setattr(migrations, "_SQL", tmp_path)
    (tmp_path / "comments/runs.sql").write_text("COMMENT ON TABLE runs IS 'Another sentence.';")
    warehouse.check_current()
    assert warehouse.migrate() == []
    with warehouse.read_snapshot() as connection:
        comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'runs'"
        assert connection.execute(comment).fetchall() == [("Another sentence.",)]
