from pathlib import Path

import pytest

from stockjax.errors import QueryRejectedError
from stockjax.warehouse import Warehouse
from stockjax.warehouse.named import named_queries, named_query, parameters_from, parameters_of
from stockjax.warehouse.query import query

QUERIES = Path(__file__).parents[2] / "warehouse" / "queries"
NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))
VALUES = {
    "ticker": "<b>'; DROP TABLE prices; --",
    "model": "har",
    "window": "21",
    "rows": "3",
    "session": "2013-03-01",
    "moment": "2013-03-01 12:00",
}


def test_there_are_queries_for_an_analyst(tmp_path: Path) -> None:
    known = named_queries(tmp_path)
    assert list(known) == NAMES
    assert len(known) >= 15
    assert all(len(each.question) > 20 and each.sql.startswith("-- ") for each in known.values())
    assert len({each.question for each in known.values()}) == len(known)


@pytest.mark.parametrize("name", NAMES)
def test_every_query_runs_with_and_without_its_parameters(warehouse: Warehouse, name: str) -> None:
    found = named_query(warehouse.folder, name)
    assert set(found.parameters) <= set(VALUES)
    plain = query(warehouse, found.sql)
    given = query(warehouse, found.sql, parameters={name: VALUES[name] for name in found.parameters})
    assert plain.columns.tolist() == given.columns.tolist()


def test_a_query_of_the_warehouse_itself_counts_before_the_one_that_ships(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "freshness.sql").write_text("-- Is it mine?\nSELECT 1 AS mine")
    (tmp_path / "queries" / "own.sql").write_text("-- Mine alone?\nSELECT getvariable('x')")
    assert named_query(tmp_path, "freshness").question == "Is it mine?"
    assert named_query(tmp_path, "own").parameters == ("x",)


@pytest.mark.parametrize("name", ["freshnes", "", "../freshness", "freshness.sql", "/etc/passwd", "\x1b[2J"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(QueryRejectedError, match=r"there is no query .*--list") as caught:
        named_query(tmp_path, name)
    assert "\x1b" not in str(caught.value)


def test_parameters_are_those_that_the_statement_reads() -> None:
    sql = "SELECT getvariable('b'), GETVARIABLE('a'), getvariable('b')"
    assert parameters_of(sql) == ("b", "a")
    assert parameters_from(["a=1=2", "b="], parameters_of(sql)) == {"a": "1=2", "b": ""}
    for word in ("c=1", "a", "=1", "--nosuch"):
        with pytest.raises(QueryRejectedError, match="it takes b, a"):
            parameters_from([word], parameters_of(sql))
    with pytest.raises(QueryRejectedError, match="it takes none"):
        parameters_from(["a=1"], ())
