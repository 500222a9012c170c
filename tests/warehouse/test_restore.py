"""A file of the warehouse that is gone, old or damaged costs no forecast."""

import shutil
from pathlib import Path

import pytest

from stockjax.errors import WarehouseDamagedError
from stockjax.warehouse import Warehouse
from tests.support.warehouse_rows import closes, contents, fetch, store

FORECASTS = "SELECT count(*) FROM forecasts"
FORECAST = """INSERT INTO forecasts BY NAME SELECT 'A' AS ticker, DATE '2013-03-01' + {day} AS as_of,
    DATE '2013-03-02' + {day} AS target, 'har' AS model, 'nightly' AS origin, 10.0 AS basis_close,
    10.0 AS predicted_close, 0.0 AS predicted_return, 0.01 AS scale, 9.0 AS q05, 9.5 AS q25, 10.0 AS q50,
    10.5 AS q75, 11.0 AS q95, 'x' AS data_hash, TIMESTAMP '2013-03-01' AS created_at, 'r' AS run_id,
    'c' AS code_version"""


@pytest.fixture
def kept(warehouse: Warehouse) -> Warehouse:
    """A warehouse with prices and a forecast."""
    store(warehouse, closes("A", {"2013-03-01": 10}))
    _forecast(warehouse, 0)
    return warehouse


def _forecast(warehouse: Warehouse, day: int) -> None:
    with warehouse.write() as connection:
        connection.execute(FORECAST.format(day=day))


def test_a_database_that_is_gone_is_restored_from_the_readers_copy(kept: Warehouse) -> None:
    before = contents(kept)
    kept.database.unlink()
    kept.migrate()
    assert contents(kept) == before
    assert fetch(kept, FORECASTS) == [(1,)]


def test_a_folder_with_the_readers_copy_alone_is_a_backup(kept: Warehouse, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(kept.snapshot, backup)
    restored = Warehouse(backup)
    restored.migrate()
    assert fetch(restored, FORECASTS) == [(1,)]


def test_an_older_database_does_not_overwrite_a_readers_copy_with_more(
    kept: Warehouse, tmp_path: Path
) -> None:
    shutil.copy(kept.database, tmp_path / "old.duckdb")
    _forecast(kept, 1)
    published = kept.snapshot.read_bytes()
    shutil.copy(tmp_path / "old.duckdb", kept.database)
    with pytest.raises(
        WarehouseDamagedError, match=r"'snapshot.duckdb' has 1 rows of forecasts that .* lacks"
    ):
        kept.migrate()
    assert kept.snapshot.read_bytes() == published
    # Either way out that the sentence names.
    kept.snapshot.unlink()
    kept.migrate()
    assert fetch(kept, FORECASTS) == [(1,)]


def test_the_log_of_a_database_that_is_gone_is_named(kept: Warehouse) -> None:
    kept.database.unlink()
    log = kept.folder / "stockjax.duckdb.wal"
    log.write_bytes(b"commits")
    with pytest.raises(WarehouseDamagedError, match=r"'stockjax\.duckdb\.wal' is left"):
        kept.migrate()
    assert log.read_bytes() == b"commits"
    assert not kept.database.exists()


def test_the_log_of_another_database_is_named(kept: Warehouse, tmp_path: Path) -> None:
    shutil.copy(kept.database, tmp_path / "old.duckdb")
    with kept.write() as connection:
        connection.execute("CREATE TABLE more AS SELECT 1 AS one")
    with kept._connection() as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE other AS SELECT 1 AS one")
        shutil.copy(f"{kept.database}.wal", tmp_path / "log")
    shutil.copy(tmp_path / "old.duckdb", kept.database)
    shutil.copy(tmp_path / "log", f"{kept.database}.wal")
    with pytest.raises(WarehouseDamagedError, match=r"'stockjax\.duckdb\.wal' is not of this"):
        kept.migrate()


@pytest.mark.parametrize("content", [b"", b"no database at all", None], ids=["empty", "text", "cut"])
def test_a_damaged_database_is_refused_with_what_to_do(kept: Warehouse, content: bytes | None) -> None:
    published = kept.snapshot.read_bytes()
    whole = kept.database.read_bytes()
    kept.database.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(WarehouseDamagedError, match=r"snapshot\.duckdb"):
        kept.migrate()
    assert kept.snapshot.read_bytes() == published
