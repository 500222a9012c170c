"""DuckDB instances are used again, and nothing of one use is found by the next."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from stockjax.warehouse import instances
from stockjax.warehouse.instances import attached, instance

SORTED_ROWS = "SELECT count(*) FROM (SELECT i FROM range(6000000) AS t(i) ORDER BY hash(i) OFFSET 1)"
"""A query that exceeds 60 MB."""


@pytest.fixture(autouse=True)
def _none_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "_idle", [])


def null_order(connection: duckdb.DuckDBPyConnection) -> object:
    """Something that an instance keeps and another one has not."""
    return connection.execute("SELECT current_setting('default_null_order')").fetchall()


def marked() -> None:
    with instance() as connection:
        connection.execute("SET GLOBAL default_null_order = 'nulls_first'")


def test_one_that_is_free_is_used_again() -> None:
    with instance() as connection:
        before = null_order(connection)
    marked()
    with instance() as connection, instance() as another:
        assert null_order(connection) == [("NULLS_FIRST",)] != before
        assert null_order(another) == before


def test_nothing_of_one_use_is_left_for_the_next(tmp_path: Path) -> None:
    marked()
    one, two = tmp_path / "a.duckdb", tmp_path / "b.duckdb"
    with instance() as connection, attached(connection, one, "one", "READ_WRITE", default=True):
        connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        connection.execute("CREATE TEMP TABLE brief AS SELECT 1 AS x")
        connection.execute("SET VARIABLE asked = 1")
        with attached(connection, two, "two", "READ_WRITE"):
            assert connection.execute("FROM kept").fetchall() == [(1,)]
    with instance() as connection:
        assert null_order(connection) == [("NULLS_FIRST",)]
        found = "SELECT database_name FROM duckdb_databases() WHERE NOT internal"
        assert connection.execute(found).fetchall() == [("memory",)]
        assert connection.execute("SELECT getvariable('asked')").fetchall() == [(None,)]
        for table in ("brief", "kept"):
            with pytest.raises(duckdb.CatalogException):
                connection.execute(f"FROM {table}")
    # Its file is closed, and whole.
    with duckdb.connect(tmp_path / "a.duckdb", read_only=True) as connection:
        assert connection.execute("FROM kept").fetchall() == [(1,)]
    assert not (tmp_path / "a.duckdb.wal").exists()


def test_one_that_spills_into_the_folder_is_preferred(tmp_path: Path) -> None:
    def folder(connection: duckdb.DuckDBPyConnection) -> str:
        return str(connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])

    with instance(tmp_path / "a") as first, instance() as second:
        first.execute("SET GLOBAL default_null_order = 'nulls_first'")
        before = null_order(second)
        assert folder(first) == str(tmp_path / "a")
    with instance() as again:
        assert folder(again).endswith(".tmp")
        assert null_order(again) == before
    with instance(tmp_path / "a") as again, instance(tmp_path / "b") as other:
        assert null_order(again) == [("NULLS_FIRST",)]
        assert folder(again) == str(tmp_path / "a")
        assert folder(other) == str(tmp_path / "b")


def test_two_threads_never_use_the_same_one(tmp_path: Path) -> None:
    def use(number: int) -> None:
        place = tmp_path / f"{number}.duckdb"
        # A second thread in the same instance would attach a second file of this name.
        with (
            instance(tmp_path / str(number % 3)) as connection,
            attached(connection, place, "mine", "READ_WRITE"),
        ):
            connection.execute("CREATE TABLE mine.numbers AS SELECT 1 AS x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(48)))
    kept = [id(made) for made, _ in instances._idle]
    assert len(kept) == len(set(kept)) <= 8


def test_one_that_failed_or_was_locked_is_not_used_again(tmp_path: Path) -> None:
    marked()
    one = tmp_path / "a.duckdb"
    with (
        pytest.raises(KeyError),
        instance() as connection,
        attached(connection, one, "one", "READ_WRITE", default=True),
    ):
        raise KeyError
    with instance() as connection:
        assert null_order(connection) != [("NULLS_FIRST",)]
    marked()
    with instance() as connection:
        connection.execute("SET lock_configuration = true")
    with instance() as connection:
        assert null_order(connection) != [("NULLS_FIRST",)]


def test_one_that_has_spilled_is_not_used_again(tmp_path: Path) -> None:
    with instance(tmp_path / "elsewhere") as connection:
        connection.execute("SET memory_limit = '60MB'")
        assert connection.execute(SORTED_ROWS).fetchall() == [(5_999_999,)]
    assert instances._idle == []
    assert not (tmp_path / "elsewhere").exists()


def test_what_exceeds_the_memory_goes_to_its_folder_which_goes_with_it(tmp_path: Path) -> None:
    spill = tmp_path / "spilled"
    with instance(spill) as connection:
        connection.execute("SET memory_limit = '60MB'")
        assert connection.execute(SORTED_ROWS).fetchall() == [(5_999_999,)]
        assert spill.exists()
    assert not spill.exists()
    assert instances._idle == []
