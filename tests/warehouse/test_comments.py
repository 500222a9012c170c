import pytest

from stockjax.warehouse import Warehouse
from tests.support.warehouse_rows import fetch


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("made"))
    warehouse.migrate()
    return warehouse


@pytest.mark.parametrize(
    ("kind", "names"),
    [("duckdb_tables", "table_name"), ("duckdb_views", "view_name")],
)
def test_every_table_and_view_says_what_it_is(made: Warehouse, kind: str, names: str) -> None:
    found = dict(fetch(made, f"SELECT {names}, comment FROM {kind}() WHERE NOT internal"))
    assert len(found) >= 4
    assert [name for name, comment in found.items() if not (comment or "").strip()] == []


def test_every_column_of_every_table_and_view_says_what_it_is(made: Warehouse) -> None:
    found = fetch(made, "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal")
    assert {"prices", "scored_forecasts", "schema_migrations"} <= {table for table, _, _ in found}
    silent = [f"{table}.{column}" for table, column, comment in found if not (comment or "").strip()]
    assert silent == []


def test_every_time_is_kept_as_utc_without_a_zone(made: Warehouse) -> None:
    kinds = fetch(
        made,
        "SELECT DISTINCT data_type FROM duckdb_columns() WHERE NOT internal AND data_type ILIKE '%TIME%'",
    )
    assert kinds == [("TIMESTAMP",)]


def test_comments_reach_the_readers_copy(made: Warehouse) -> None:
    with made.read_snapshot() as connection:
        lines = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'forecasts' AND column_name = 'as_of'"
        ).fetchall()
    assert lines[0][0]
