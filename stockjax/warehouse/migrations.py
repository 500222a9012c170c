"""The schema: numbered migrations of tables, each a transaction, and scripts of views and comments.

Migrations run once. The scripts of views, macros and comments are applied whenever one of them changes.
"""

import hashlib
import re
from importlib.resources import files

import duckdb

from stockjax.errors import WarehouseTooNewError, WarehouseTooOldError
from stockjax.warehouse.statements import statement

_SQL = files("stockjax.warehouse") / "sql"
_FOLDER = _SQL / "migrations"
VIEWS = (
    *("differs", "prices_as_of", "latest_forecasts", "model_starts", "champions", "bootstrap"),
    *("events_as_of", "reactions", "upcoming_events", "scored_forecasts", "forecasts_without_outcome"),
    *("leaderboard", "calibration", "calibration_by_day"),
)
"""The scripts of views and macros, each after those that it reads."""

_NAME = re.compile(r"(\d{4})_\w+\.sql")


def migration_names() -> list[str]:
    """The names of all migrations, in order."""
    return sorted(item.name for item in _FOLDER.iterdir() if _NAME.fullmatch(item.name))


def pending_migrations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The migrations that a database of an earlier release lacks; none if the database is new."""
    tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "schema_migrations" not in tables:
        return []
    done = {row[0] for row in connection.execute("SELECT name FROM schema_migrations").fetchall()}
    return [name for name in migration_names() if name not in done] if done <= set(migration_names()) else []


def migrate(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Run the migrations that have not run yet, each in its own transaction.

    Raises
    ------
    WarehouseTooNewError
        The database holds a migration that this release does not know.

    """
    connection.execute(statement("schema_migrations"))
    done = {row[0] for row in connection.execute("SELECT name FROM schema_migrations").fetchall()}
    known = migration_names()
    foreign = sorted(done - set(known))
    if foreign:
        raise WarehouseTooNewError(
            f"the warehouse was written by a newer stockjax (it has {', '.join(foreign)}); upgrade stockjax"
        )
    pending = [name for name in known if name not in done]
    for name in pending:
        connection.begin()
        try:
            connection.execute((_FOLDER / name).read_text(encoding="utf-8"))
            connection.execute(statement("record_migration"), {"name": name})
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
    return pending


def apply_scripts(connection: duckdb.DuckDBPyConnection) -> bool:
    """Apply the scripts of views and comments in one transaction if one changed; returns whether one did."""
    views, comments = _view_scripts(), _comment_scripts()
    fingerprint = f"{_fingerprint(views)} {_fingerprint(comments)}"
    if not views or _applied_scripts(connection) == fingerprint:
        return False
    connection.begin()
    try:
        for script in (*comments, *views):
            connection.execute(script)
        connection.execute(statement("record_views"), {"fingerprint": fingerprint})
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return True


def view_script(name: str) -> str:
    """The text of `sql/views/<name>.sql`."""
    return (_SQL / "views" / f"{name}.sql").read_text(encoding="utf-8")


def _view_scripts() -> list[str]:
    return [view_script(name) for name in VIEWS]


def _comment_scripts() -> list[str]:
    scripts = sorted((_SQL / "comments").iterdir(), key=lambda item: item.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def _fingerprint(scripts: list[str]) -> str:
    return hashlib.sha256("\0".join(scripts).encode()).hexdigest()


def _applied_scripts(connection: duckdb.DuckDBPyConnection) -> str | None:
    rows = connection.execute("SELECT fingerprint FROM schema_views").fetchall()
    return str(rows[0][0]) if rows else None


def check_current(connection: duckdb.DuckDBPyConnection) -> None:
    """Check that a database has the tables and views of this release.

    Raises
    ------
    WarehouseTooOldError
        No run of this release has migrated it yet.

    """
    done = {row[0] for row in connection.execute("SELECT name FROM schema_migrations").fetchall()}
    missing = [name for name in migration_names() if name not in done]
    if missing:
        raise WarehouseTooOldError(
            f"the warehouse was written by an earlier stockjax (it lacks {missing[0]}); "
            "bring it up to date with: stockjax run"
        )
    if not (_applied_scripts(connection) or "").startswith(_fingerprint(_view_scripts())):
        raise WarehouseTooOldError(
            "the views of the warehouse are those of another stockjax; "
            "bring them up to date with: stockjax run"
        )
