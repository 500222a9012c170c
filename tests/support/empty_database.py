"""New warehouses begin with a copy of an empty database: all migrations of one take a quarter of a second."""

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from stockjax.warehouse import Warehouse
from stockjax.warehouse.connection import DATABASE, SNAPSHOT

LEFT_OUT = ("tests/warehouse/test_migrations.py", "tests/warehouse/test_restore.py")
"""Tests of what happens to a database before it has its tables."""


class EmptyDatabase:
    """A database with all its tables and no row.

    It is made before the first test: a test may replace a part of what makes it, or be interrupted there.

    """

    def __init__(self) -> None:
        self.active = False
        self._migrated = Warehouse.migrated
        self._folder = tempfile.TemporaryDirectory(prefix="stockjax-empty-")

    @property
    def folder(self) -> Path:
        """The warehouse that has it."""
        return Path(self._folder.name)

    def make(self) -> None:
        """Make it, the first time."""
        if not (self.folder / SNAPSHOT).exists():
            Warehouse(self.folder).migrate()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Have warehouses begin with it."""

        def migrated(warehouse: Warehouse) -> AbstractContextManager[list[str]]:
            if self.active and not warehouse.database.exists():
                warehouse.folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.folder / DATABASE, warehouse.database)
            return self._migrated(warehouse)

        patch.setattr(Warehouse, "migrated", migrated)

    def close(self) -> None:
        """Remove it."""
        self._folder.cleanup()
