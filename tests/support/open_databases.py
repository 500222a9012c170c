"""Keep the databases of a file of tests open: opening takes 25 ms of CPU, and a night opens it forty times.

What another process opens, or what is about opening and closing, is left out.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from stockjax.warehouse import Warehouse
from stockjax.warehouse.connection import _STORAGE

LEFT_OUT = (
    "tests/warehouse/test_connection.py",
    "tests/warehouse/test_migrations.py",
    "tests/warehouse/test_earlier_release.py",
    "tests/warehouse/test_restore.py",
    "tests/e2e/",
    "tests/flows/test_worker.py",
    "tests/registry/test_activation.py",
)


class OpenDatabases:
    """The databases that are kept open, by path, with the file that was opened."""

    def __init__(self) -> None:
        self.active = False
        self._handles: dict[Path, tuple[int, duckdb.DuckDBPyConnection]] = {}
        self._connection, self._copy_to = Warehouse._connection, Warehouse._copy_to
        self._migrate = Warehouse.migrate
        self._folder = tempfile.TemporaryDirectory(prefix="stockjax-empty-")

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Have warehouses use it."""
        kept = self

        @contextmanager
        def connection(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
            if kept.active:
                kept._keep(warehouse.database)
            with kept._connection(warehouse) as opened:
                yield opened

        def copy_to(warehouse: Warehouse, place: Path) -> None:
            # While a handle is open, what was committed may lie next to the file.
            if kept.active:
                kept._keep(warehouse.database).execute("FORCE CHECKPOINT")
            kept._copy_to(warehouse, place)

        def migrate(warehouse: Warehouse) -> list[str]:
            # All migrations of a new database take half a second: it begins as a copy of an empty one.
            if kept.active and not warehouse.database.exists():
                warehouse.folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(kept._empty(), warehouse.database)
            return kept._migrate(warehouse)

        patch.setattr(Warehouse, "migrate", migrate)
        patch.setattr(Warehouse, "_connection", connection)
        patch.setattr(Warehouse, "_copy_to", copy_to)

    def close(self) -> None:
        """Close all of them."""
        while self._handles:
            self._handles.popitem()[1][1].close()

    def _empty(self) -> Path:
        """A new database with all its tables, closed, so that its file is all of it."""
        made = Warehouse(Path(self._folder.name))
        if not made.database.exists():
            self.active = False
            try:
                self._migrate(made)
            finally:
                self.active = True
        return made.database

    def _keep(self, path: Path) -> duckdb.DuckDBPyConnection:
        inode, handle = self._handles.get(path, (0, None))
        if handle and (not path.exists() or path.stat().st_ino != inode):
            handle.close()
            handle = None
        if handle is None:
            handle = duckdb.connect(path, config=dict(_STORAGE))
            self._handles[path] = path.stat().st_ino, handle
        return handle
