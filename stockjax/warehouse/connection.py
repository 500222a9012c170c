"""Opening the database: one writer at a time, short transactions, a copy for readers."""

import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from stockjax.errors import SnapshotMissingError, WarehouseBusyError, WarehouseDamagedError
from stockjax.warehouse.instances import attached, instance
from stockjax.warehouse.migrations import apply_scripts, check_current, migrate, pending_migrations
from stockjax.warehouse.readers_copy import ReadersCopy, replace_with_copy
from stockjax.warehouse.restore import refuse_shorter_ledger, restore_missing_database, write_ahead_log

DATABASE = "stockjax.duckdb"
SNAPSHOT = "snapshot.duckdb"
# Lets the DuckDB 1.5 command line and JDBC drivers open the file; it is fixed at creation.
_STORAGE = "STORAGE_VERSION 'v1.5.0'"
_RETRY_SECONDS = 0.05


class Warehouse:
    """The folder that holds the database, its readable copy, the models and the reports.

    Parameters
    ----------
    folder
        Made if it is missing.
    lock_timeout
        Seconds to wait for another process that has the database open.

    """

    def __init__(self, folder: Path, lock_timeout: float = 60.0) -> None:
        self.folder = folder
        self._lock_timeout = lock_timeout
        self._threads = threading.RLock()
        self._lock = FileLock(folder / ".lock", thread_local=False)
        self._reading = threading.local()
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._copy = ReadersCopy(self.database, folder / SNAPSHOT)

    @property
    def database(self) -> Path:
        """The writer's file."""
        return self.folder / DATABASE

    @property
    def snapshot(self) -> Path:
        """The readers' file: the database as of the last step of a run, or the last command."""
        return self._copy.place

    @property
    def models(self) -> Path:
        """The folder of the parameter files."""
        return self.folder / "models"

    @property
    def backups(self) -> Path:
        """The folder of databases as they were before a release changed their schema."""
        return self.folder / "backups"

    @property
    def reports(self) -> Path:
        """The folder of the reports."""
        return self.folder / "reports"

    def migrate(self) -> list[str]:
        """Bring the schema up to date; returns the names of the migrations that ran.

        A database of an earlier release is copied first, to `backups/before-<migration>.duckdb`. A database
        that is gone is restored from the readers' copy.

        Raises
        ------
        WarehouseDamagedError
            The database cannot be opened, or lacks forecasts that the readers' copy has.
        WarehouseTooNewError
            A newer release has written this warehouse.
        WarehouseBusyError
            Another process holds the database.

        """
        with self.migrated() as applied:
            return applied

    @contextmanager
    def migrated(self) -> Generator[list[str]]:
        """`migrate`, then `keep_open`, with the database opened once; yields the migrations that ran.

        Raises
        ------
        WarehouseDamagedError, WarehouseTooNewError, WarehouseBusyError
            As `migrate` does.

        """
        with self._alone():
            restore_missing_database(self.database, self.snapshot)
            due = False
            try:
                with ExitStack() as opened:
                    connection = opened.enter_context(self._connection())
                    if pending := pending_migrations(connection):
                        opened.close()
                        self._back_up(pending)
                        connection = opened.enter_context(self._connection())
                    applied, renewed = self._bring_up_to_date(connection)
                    due = renewed or bool(applied) or not self.snapshot.exists()
                    yield applied
            finally:
                if due:
                    self._copy.renew()
            self._publish_where_due()

    @contextmanager
    def keep_open(self) -> Generator[None]:
        """Open the database once for all that the block reads and writes; each transaction stays its own.

        Other processes wait for the end of the block, and readers get what it wrote there: no block trains,
        or asks a vendor.

        Raises
        ------
        WarehouseBusyError
            Another process held the database longer than the timeout.

        """
        with self._alone():
            with self._connection():
                yield
            self._publish_where_due()

    @contextmanager
    def write(self) -> Generator[duckdb.DuckDBPyConnection]:
        """One transaction: all of it or nothing; then the readers' copy is renewed, unless held back.

        Raises
        ------
        WarehouseBusyError
            Another process held the database longer than the timeout.

        """
        with self._alone():
            with self._connection() as connection:
                connection.begin()
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
            self._copy.behind = True
            self._publish_where_due()

    def hold_back(self) -> None:
        """From now on, renew the readers' copy by `publish` alone: a run has many commits in each step."""
        self._copy.hold_back()

    def publish(self) -> None:
        """Renew the readers' copy, if anything was committed here since the last time.

        Raises
        ------
        WarehouseBusyError
            Another process held the database longer than the timeout.
        RuntimeError
            The caller keeps the database open, and has written to it: only a closed file is copied.

        """
        if self._copy.behind:
            with self._alone():
                if self._opened is not None:
                    raise RuntimeError("the readers' copy is renewed after `keep_open`, not within it")
                self._copy.renew()

    def publish_if_cheap(self) -> None:
        """Renew the readers' copy where that costs little: within a run, for those who watch it.

        Raises
        ------
        WarehouseBusyError
            Another process held the database longer than the timeout.

        """
        if self._copy.is_cheap():
            self.publish()

    @contextmanager
    def read(self) -> Generator[duckdb.DuckDBPyConnection]:
        """A consistent view for the process that writes; within `hold_committed` that of all its readers."""
        if (held := self._held) is not None:
            yield held
            return
        with self._alone(), self._connection() as connection:
            yield connection

    @contextmanager
    def read_snapshot(self) -> Generator[duckdb.DuckDBPyConnection]:
        """The readers' copy, with all that was committed here; never waits for a run of another process.

        Raises
        ------
        SnapshotMissingError
            No run has written to this warehouse yet.

        """
        if (held := self._held) is not None:
            yield held
            return
        self.publish()
        # To an instance of its own: one that had the file attached already would show it as of before the
        # last commit, and settings would clash.
        with instance() as connection, self.attached_snapshot(connection, "snapshot", default=True):
            yield connection

    @contextmanager
    def read_committed(self) -> Generator[duckdb.DuckDBPyConnection]:
        """All that was committed here: the readers' copy, or the writer's file where a run is ahead of it.

        A run makes no copy of a whole warehouse just to read it.

        Raises
        ------
        SnapshotMissingError
            No run has written to this warehouse yet.
        WarehouseBusyError
            Another process held the database longer than the timeout.

        """
        if self._held is None and self._copy.behind and (self._copy.held_back or self._opened is not None):
            with self.read() as connection:
                yield connection
            return
        with self.read_snapshot() as connection:
            yield connection

    @contextmanager
    def hold_committed(self) -> Generator[None]:
        """`read_committed` once in this thread until the end of the block: what is read is of one moment.

        Raises
        ------
        SnapshotMissingError
            No run has written to this warehouse yet.

        """
        with self.read_committed() as connection:
            before = self._held
            self._reading.connection = connection
            try:
                yield
            finally:
                self._reading.connection = before

    @property
    def _held(self) -> duckdb.DuckDBPyConnection | None:
        """What `hold_committed` keeps open in this thread."""
        return getattr(self._reading, "connection", None)

    def check_current(self) -> None:
        """See whether the readers' copy has all that this release reads.

        Raises
        ------
        SnapshotMissingError
            No run has written to this warehouse yet.
        WarehouseTooOldError
            No run of this release has.

        """
        with self.read_snapshot() as connection:
            check_current(connection)

    @contextmanager
    def attached_snapshot(
        self, connection: duckdb.DuckDBPyConnection, name: str, *, default: bool = False
    ) -> Generator[None]:
        """Make the readers' copy known to another connection, which can only read it.

        Parameters
        ----------
        default
            Whether tables are looked up there, where a statement names no database.

        Raises
        ------
        SnapshotMissingError
            No run has written to this warehouse yet.

        """
        if not self.snapshot.exists():
            raise SnapshotMissingError(f"there is no warehouse in '{self.folder}' yet; run: stockjax run")
        with attached(connection, self.snapshot, name, default=default):
            yield

    @contextmanager
    def _alone(self) -> Generator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._threads:
            try:
                self._lock.acquire(timeout=self._lock_timeout)
            except Timeout as error:
                raise self._busy() from error
            try:
                yield
            finally:
                self._lock.release()

    @contextmanager
    def _connection(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Open the writer's file; within another use of it in this thread, connect to it once more."""
        if self._opened is not None:
            with self._opened.cursor() as connection:
                connection.execute("USE stockjax")
                yield connection
            return
        with instance(self.database.with_name(f"{DATABASE}.tmp")) as connection, ExitStack() as stack:
            self._attach_database(connection, stack)
            self._opened = connection
            try:
                yield connection
            except duckdb.IOException as error:
                if "could not read enough bytes" in str(error).lower():
                    raise self._damaged(error) from error
                raise
            finally:
                self._opened = None

    def _attach_database(self, connection: duckdb.DuckDBPyConnection, until: ExitStack) -> None:
        """Attach the writer's file, waiting for foreign readers, which DuckDB lets lock it."""
        give_up = time.monotonic() + self._lock_timeout
        while True:
            try:
                until.enter_context(attached(connection, self.database, "stockjax", _STORAGE, default=True))
            except duckdb.Error as error:
                if not isinstance(error, duckdb.IOException) or "lock" not in str(error).lower():
                    raise self._damaged(error) from error
                if time.monotonic() > give_up:
                    raise self._busy() from error
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def _bring_up_to_date(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], bool]:
        """Run migrations and scripts; returns the migrations that ran, and whether a script changed."""
        applied = migrate(connection)
        if self.snapshot.exists():
            refuse_shorter_ledger(connection, self.snapshot)
        return applied, apply_scripts(connection)

    def _back_up(self, pending: list[str]) -> None:
        """Keep the closed database as it is before migrations change it."""
        self.backups.mkdir(parents=True, exist_ok=True)
        kept = self.backups / f"before-{Path(pending[0]).stem}.duckdb"
        if not kept.exists():
            replace_with_copy(self.database, kept)

    def _publish_where_due(self) -> None:
        """Publish what was committed, unless held back, or the database is open until `keep_open` ends."""
        if self._copy.behind and not self._copy.held_back and self._opened is None:
            self._copy.renew()

    def _damaged(self, error: duckdb.Error) -> WarehouseDamagedError:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        log = write_ahead_log(self.database)
        if log.exists() and "wal" in why.lower():
            return WarehouseDamagedError(
                f"'{log.name}' is not of this '{DATABASE}' ({why}); where a backup was restored, move the "
                "log away and run again"
            )
        return WarehouseDamagedError(
            f"'{self.database}' cannot be opened ({why}); restore a backup, or copy {SNAPSHOT} over it, "
            "and run again"
        )

    def _busy(self) -> WarehouseBusyError:
        return WarehouseBusyError(
            f"another program has '{self.database}' open and {self._lock_timeout:g} s were not enough; "
            f"close it (readers should open {SNAPSHOT}) and run again"
        )
