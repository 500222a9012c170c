import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stockjax.errors import SnapshotMissingError, WarehouseBusyError, WarehouseDamagedError
from stockjax.warehouse import Warehouse
from stockjax.warehouse.file_copy import copy_file
from stockjax.warehouse.query import query
from tests.support.warehouse_rows import ask, closes, contents, fetch, held_by_another_process, store

COUNT = "SELECT count(*) FROM prices"


def count_in_snapshot(warehouse: Warehouse) -> int:
    with warehouse.read_snapshot() as connection:
        return int(connection.execute(COUNT).fetchall()[0][0])


def impatient(warehouse: Warehouse, seconds: float = 0.3) -> Warehouse:
    return Warehouse(warehouse.folder, lock_timeout=seconds)


def test_the_folder_and_its_files_are_made_by_the_first_migration(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "deep" / "down")
    warehouse.migrate()
    assert warehouse.database == tmp_path / "deep" / "down" / "stockjax.duckdb"
    assert warehouse.snapshot == tmp_path / "deep" / "down" / "snapshot.duckdb"
    assert warehouse.database.is_file()
    assert count_in_snapshot(warehouse) == 0


def test_before_the_first_run_there_is_nothing_to_read(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "empty")
    with pytest.raises(SnapshotMissingError, match="stockjax run"), warehouse.read_snapshot():
        pass
    assert not warehouse.folder.exists()


def test_a_snapshot_that_was_deleted_comes_back_with_the_next_migration(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-03-01": 10}))
    warehouse.snapshot.unlink()
    assert warehouse.migrate() == []
    assert count_in_snapshot(warehouse) == 1


def test_what_is_committed_is_in_the_snapshot(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-28": 10, "2013-03-01": 11}))
    assert count_in_snapshot(warehouse) == 2
    assert fetch(warehouse, COUNT) == [(2,)]
    assert sorted(path.name for path in warehouse.folder.iterdir() if not path.name.startswith(".")) == [
        "snapshot.duckdb",
        "stockjax.duckdb",
    ]


def test_commits_that_are_held_back_reach_readers_together(warehouse: Warehouse) -> None:
    elsewhere = Warehouse(warehouse.folder)
    warehouse.hold_back()
    copies = set()
    for close, day in enumerate(["2013-02-27", "2013-02-28", "2013-03-01"], start=10):
        store(warehouse, closes("A", {day: close}))
        copies.add(warehouse.snapshot.stat().st_ino)
        assert count_in_snapshot(elsewhere) == 0
    warehouse.publish()
    assert count_in_snapshot(elsewhere) == 3
    published = warehouse.snapshot.stat().st_mtime_ns
    warehouse.publish()
    assert len(copies) == 1
    assert warehouse.snapshot.stat().st_mtime_ns == published


def test_a_database_that_is_kept_open_is_opened_once_and_published_at_the_end(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    attach = Warehouse._attach_database

    def counted(*asked: Any) -> None:
        opened.append(asked)
        attach(*asked)

    monkeypatch.setattr(Warehouse, "_attach_database", counted)
    elsewhere = Warehouse(warehouse.folder)
    with warehouse.keep_open():
        store(warehouse, closes("A", {"2013-02-28": 10}))
        with warehouse.keep_open():
            store(warehouse, closes("A", {"2013-03-01": 11}))
        with pytest.raises(KeyError), warehouse.write() as connection:
            connection.execute("DELETE FROM prices")
            raise KeyError
        assert fetch(warehouse, COUNT) == [(2,)]
        with warehouse.read_committed() as connection:
            assert connection.execute(COUNT).fetchall() == [(2,)]
        assert count_in_snapshot(elsewhere) == 0
        with pytest.raises(RuntimeError, match="after `keep_open`"):
            count_in_snapshot(warehouse)
    assert len(opened) == 1
    assert count_in_snapshot(elsewhere) == 2


def test_what_was_committed_stays_where_a_kept_database_fails_later(warehouse: Warehouse) -> None:
    warehouse.hold_back()
    with pytest.raises(KeyError), warehouse.keep_open():
        store(warehouse, closes("A", {"2013-02-28": 10}))
        raise KeyError
    assert count_in_snapshot(warehouse) == 1


def test_within_a_step_the_copy_is_renewed_only_where_that_is_cheap(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("stockjax.warehouse.readers_copy.time.monotonic", lambda: clock[0])

    def slow_copy(source: Path, target: Path) -> None:
        copy_file(source, target)
        clock[0] += 3

    monkeypatch.setattr("stockjax.warehouse.readers_copy.copy_file", slow_copy)
    elsewhere = Warehouse(warehouse.folder)
    warehouse.hold_back()
    seen = []
    for close, (day, wait) in enumerate([("02-27", 0), ("02-28", 59), ("03-01", 1)], start=10):
        clock[0] += wait
        store(warehouse, closes("A", {f"2013-{day}": close}))
        warehouse.publish_if_cheap()
        seen.append(count_in_snapshot(elsewhere))
    assert seen == [1, 1, 3]


def test_a_large_database_is_copied_seldom_within_a_run(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("stockjax.warehouse.readers_copy.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("stockjax.warehouse.readers_copy._LARGE", 0)
    monkeypatch.setattr("stockjax.warehouse.readers_copy._SHARED_SECONDS", -1.0)
    elsewhere = Warehouse(warehouse.folder)
    warehouse.hold_back()
    seen = []
    for close, (day, wait) in enumerate([("02-27", 599), ("02-28", 1), ("03-01", 599)], start=10):
        clock[0] += wait
        store(warehouse, closes("A", {f"2013-{day}": close}))
        warehouse.publish_if_cheap()
        seen.append(count_in_snapshot(elsewhere))
    assert seen == [0, 2, 2]
    warehouse.publish()
    assert count_in_snapshot(elsewhere) == 3


def test_a_run_reads_what_it_has_committed_without_a_copy(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-27": 9}))
    warehouse.hold_back()
    store(warehouse, closes("A", {"2013-02-28": 10}))
    published = warehouse.snapshot.stat().st_ino
    with warehouse.hold_committed():
        with warehouse.read_committed() as connection:
            assert connection.execute(COUNT).fetchall() == [(2,)]
        with warehouse.hold_committed(), warehouse.read_committed() as connection:
            assert connection.execute(COUNT).fetchall() == [(2,)]
        with warehouse.read_committed() as connection:
            assert connection.execute(COUNT).fetchall() == [(2,)]
        # What reads the writer's file by itself does not wait for the thread that it is in.
        with warehouse.read() as connection:
            assert connection.execute(COUNT).fetchall() == [(2,)]
    assert warehouse.snapshot.stat().st_ino == published
    store(warehouse, closes("A", {"2013-03-01": 11}))
    assert count_in_snapshot(Warehouse(warehouse.folder)) == 1


def test_a_process_reads_what_it_has_held_back(warehouse: Warehouse) -> None:
    warehouse.hold_back()
    store(warehouse, closes("A", {"2013-03-01": 10}))
    assert count_in_snapshot(warehouse) == 1


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_while_writing_takes_everything_back(
    warehouse: Warehouse, failure: type[BaseException]
) -> None:
    store(warehouse, closes("A", {"2013-03-01": 10}))
    before, published = contents(warehouse), warehouse.snapshot.read_bytes()
    moment = warehouse.snapshot.stat().st_mtime_ns
    with pytest.raises(failure), warehouse.write() as connection:
        connection.execute("DELETE FROM prices")
        connection.execute("CREATE TABLE debris (x INTEGER)")
        raise failure
    assert contents(warehouse) == before
    assert warehouse.snapshot.read_bytes() == published
    assert warehouse.snapshot.stat().st_mtime_ns == moment


def test_after_a_failed_write_the_next_one_succeeds(warehouse: Warehouse) -> None:
    with pytest.raises(duckdb.Error), warehouse.write() as connection:
        connection.execute("INSERT INTO prices VALUES (1)")
    store(warehouse, closes("A", {"2013-03-01": 10}))
    assert count_in_snapshot(warehouse) == 1


def test_the_snapshot_cannot_be_written_to(warehouse: Warehouse) -> None:
    with (
        warehouse.read_snapshot() as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("DELETE FROM prices")


@pytest.mark.parametrize("name", ["database", "snapshot"])
def test_the_storage_is_one_that_older_readers_know(warehouse: Warehouse, name: str) -> None:
    with duckdb.connect(getattr(warehouse, name), read_only=True) as connection:
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchall()[0][0]
    assert tags["storage_version"].startswith("v1.5")


@pytest.mark.parametrize("mode", ["read", "write"])
def test_readers_do_not_care_who_has_the_writers_file_open(warehouse: Warehouse, mode: str) -> None:
    store(warehouse, closes("A", {"2013-03-01": 10}))
    with held_by_another_process(warehouse.database, mode):
        assert count_in_snapshot(warehouse) == 1
        assert query(warehouse, COUNT).iloc[0, 0] == 1


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_writer_gives_up_in_one_sentence_when_another_program_keeps_the_file(
    warehouse: Warehouse, mode: str
) -> None:
    before = contents(warehouse)
    with held_by_another_process(warehouse.database, mode):
        started = time.monotonic()
        with pytest.raises(WarehouseBusyError, match=r"stockjax\.duckdb.*0\.3 s") as caught:
            store(impatient(warehouse), closes("A", {"2013-03-01": 10}))
        assert 0.3 <= time.monotonic() - started < 5
    assert "\n" not in str(caught.value)
    assert contents(warehouse) == before


def test_a_writer_waits_for_a_program_that_closes_the_file_in_time(warehouse: Warehouse) -> None:
    with held_by_another_process(warehouse.database, "write") as process:
        closing = threading.Timer(0.5, process.kill)
        closing.start()
        started = time.monotonic()
        store(warehouse, closes("A", {"2013-03-01": 10}))
        assert time.monotonic() - started >= 0.4
        closing.join()
    assert count_in_snapshot(warehouse) == 1


_WRITER = """
import sys
from pathlib import Path
from stockjax.warehouse import Warehouse
from stockjax.warehouse.file_copy import copy_file
with Warehouse(Path(sys.argv[1])).write() as connection:
    connection.execute("DELETE FROM prices")
    print("inside", flush=True)
    sys.stdin.readline()
"""


def test_one_run_waits_for_another_and_a_killed_run_leaves_no_trace(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-03-01": 10}))
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(warehouse.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "inside\n"
        assert count_in_snapshot(warehouse) == 1
        with pytest.raises(WarehouseBusyError), impatient(warehouse).write():
            pass
        with pytest.raises(WarehouseBusyError), impatient(warehouse).read():
            pass
        other.kill()
    store(warehouse, closes("A", {"2013-02-28": 9}))
    assert count_in_snapshot(warehouse) == 2


def test_a_reader_keeps_its_view_and_never_makes_a_writer_wait(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-28": 10}))
    with held_by_another_process(warehouse.snapshot, "read") as reader:
        assert ask(reader, COUNT) == "[(1,)]"
        store(impatient(warehouse), closes("A", {"2013-03-01": 11}))
        assert ask(reader, COUNT) == "[(1,)]"
        with held_by_another_process(warehouse.snapshot, "read") as later:
            assert ask(later, COUNT) == "[(2,)]"


def test_a_reader_in_this_process_that_begins_after_a_commit_sees_it(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-28": 10}))
    with warehouse.read_snapshot() as early:
        store(warehouse, closes("A", {"2013-03-01": 11}))
        assert early.execute(COUNT).fetchall() == [(1,)]
        assert count_in_snapshot(warehouse) == 2


def test_a_query_may_be_asked_while_this_process_reads(warehouse: Warehouse) -> None:
    with warehouse.read_snapshot():
        assert query(warehouse, COUNT).iloc[0, 0] == 0


def test_threads_write_one_after_the_other(warehouse: Warehouse) -> None:
    def add(number: int) -> None:
        with warehouse.write() as connection:
            row = connection.execute(COUNT).fetchall()[0][0]
            connection.execute(
                "INSERT INTO prices BY NAME SELECT 'A' AS ticker, DATE '2013-01-01' + $row AS session, "
                "1 AS close, 1 AS adj_close, 'test' AS source, TIMESTAMP '2013-01-01' AS fetched_at, "
                "$run AS run_id",
                {"row": row, "run": str(number)},
            )

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetch(warehouse, "SELECT count(DISTINCT session), count(DISTINCT run_id) FROM prices") == [(6, 6)]


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, lock_timeout=0.3)
    warehouse.database.write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseDamagedError, match=r"not a valid DuckDB database.*restore a backup"):
        warehouse.migrate()
    assert warehouse.database.read_bytes() == b"not a database" * 1000
    assert not warehouse.snapshot.exists()


def test_what_is_read_together_is_of_one_moment(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-03-01": 10.0}))
    count = "SELECT count(*) FROM prices"
    with warehouse.hold_committed():
        store(warehouse, closes("A", {"2013-03-04": 11.0}))
        with warehouse.read_snapshot() as held:
            assert held.execute(count).fetchall() == [(1,)]
    with warehouse.read_snapshot() as later:
        assert later.execute(count).fetchall() == [(2,)]
