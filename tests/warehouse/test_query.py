import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from stockjax.errors import QueryFailedError, QueryRejectedError, SnapshotMissingError
from stockjax.warehouse import Warehouse
from stockjax.warehouse.query import query
from tests.support.warehouse_rows import closes, store

ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("filled") / "warehouse")
    warehouse.migrate()
    store(warehouse, closes("A", {"2013-02-28": 10.0, "2013-03-01": 11.0}))
    store(warehouse, closes("[red]M&M[/red]", {"2013-03-01": 20.0}))
    return warehouse


def state_of(*folders: Path) -> dict[str, bytes]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ticker, close FROM prices WHERE session = DATE '2013-03-01' ORDER BY close",
        "FROM prices SELECT ticker, close WHERE session = '2013-03-01' ORDER BY close;",
        "-- a remark\nWITH day AS (SELECT * FROM prices WHERE session = '2013-03-01')\n"
        "SELECT ticker, close FROM day ORDER BY close -- the end",
    ],
)
def test_a_question_is_answered(filled: Warehouse, sql: str) -> None:
    answer = query(filled, sql)
    assert isinstance(answer, pd.DataFrame)
    assert answer.to_dict("list") == {"ticker": ["A", "[red]M&M[/red]"], "close": [11.0, 20.0]}


def test_a_value_is_bound_and_no_part_of_the_statement(filled: Warehouse) -> None:
    asked = "SELECT count(*) FROM prices WHERE ticker = getvariable('ticker')"
    assert query(filled, asked, parameters={"ticker": "A"}).iloc[0, 0] == 2
    assert query(filled, asked, parameters={"ticker": "[red]M&M[/red]"}).iloc[0, 0] == 1
    for hostile in ("A' OR 1=1 --", "'; DROP TABLE prices; --", "\x00", "A" * 10_000, "$value"):
        assert query(filled, asked, parameters={"ticker": hostile}).iloc[0, 0] == 0
    assert query(filled, asked).iloc[0, 0] == 0


@pytest.mark.parametrize("name", ["", "a b", 'x" = 1; DROP TABLE prices; --', "1x", "ä", "x\n"])
def test_a_name_that_is_none_is_refused(filled: Warehouse, name: str) -> None:
    with pytest.raises(QueryRejectedError, match="no name of a parameter"):
        query(filled, "SELECT 1", parameters={name: "x"})


def test_a_value_that_is_not_text_is_refused(filled: Warehouse) -> None:
    with pytest.raises(QueryRejectedError, match="not text"):
        query(filled, "SELECT 1", parameters={"x": "\udcff"})


@pytest.mark.parametrize("memory", ["", "much", "1 GB; DROP"])
def test_an_amount_of_memory_that_is_none_is_refused(filled: Warehouse, memory: str) -> None:
    with pytest.raises(QueryRejectedError, match="no amount of memory"):
        query(filled, "SELECT 1", memory_limit=memory)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT " + "+".join(["1"] * 5000),
        "SELECT 'x' -- " + "x" * 300_000,
    ],
    ids=["nested", "deep", "long"],
)
def test_a_huge_statement_is_refused_at_once(filled: Warehouse, sql: str) -> None:
    started = time.monotonic()
    with pytest.raises(QueryRejectedError) as caught:
        query(filled, sql)
    assert time.monotonic() - started < 5
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "sql", ["VALUES (1)", "SHOW TABLES", "DESCRIBE prices", "EXPLAIN SELECT 1", "SUMMARIZE prices"]
)
def test_harmless_short_forms_are_answered_too(filled: Warehouse, sql: str) -> None:
    assert len(query(filled, sql)) >= 1


def test_views_answer_as_tables_do(filled: Warehouse) -> None:
    assert query(filled, "SELECT * FROM leaderboard").empty
    assert "return_error" in query(filled, "SELECT * FROM scored_forecasts").columns


REFUSED = [
    "COPY prices TO 'stolen.csv'",
    "COPY (SELECT 1) TO 'stolen.parquet' (FORMAT parquet)",
    "COPY prices FROM '/etc/passwd'",
    "EXPORT DATABASE 'stolen'",
    "IMPORT DATABASE 'stolen'",
    "ATTACH 'stolen.duckdb' AS stolen",
    "ATTACH ':memory:' AS other",
    "DETACH snapshot",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "SET enable_external_access = true",
    "SET GLOBAL memory_limit = '100GB'",
    "RESET memory_limit",
    "CALL enable_logging()",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE prices",
    "DROP TABLE prices",
    "DELETE FROM prices",
    "UPDATE prices SET close = 0",
    "INSERT INTO prices SELECT * FROM prices",
    "MERGE INTO prices USING prices AS p ON false WHEN NOT MATCHED THEN INSERT",
    "TRUNCATE prices",
    "CREATE TABLE debris (x INTEGER)",
    "CREATE TEMP TABLE debris AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "ALTER TABLE prices DROP COLUMN close",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "COMMENT ON TABLE prices IS 'mine'",
    "",
    "   \n\t ",
    ";",
    "-- nothing but a remark",
    "\x00",
    "SELECT 1\x00; DROP TABLE prices",
    "\x1b[2J\x07",
    "SELEC 1",
    "SELECT 'unfinished",
    "/etc/passwd",
    "SELECT 1 \udcff",
]
STOPPED = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('stockjax.duckdb')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/etc/hosts.csv'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('https://example.org/x.parquet')",
    "SELECT * FROM sqlite_scan('x.db', 'y')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM query('DROP TABLE prices')",
    "SELECT * FROM enable_profiling()",
    "SELECT getenv('HOME')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_ndjson_objects('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM parquet_kv_metadata('x.parquet')",
    "SELECT * FROM read_csv_auto(['/etc/passwd', '/etc/hosts'])",
    "SELECT * FROM read_text('~/.ssh/*')",
    "SELECT * FROM 'https://example.org/x.csv'",
    "SELECT * FROM 's3://bucket/x.parquet'",
    "SELECT * FROM read_csv('http://169.254.169.254/latest/meta-data')",
    "SELECT * FROM read_csv('/dev/stdin')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM query_table('/etc/passwd')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM pandas_scan(0)",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM force_checkpoint()",
    "SELECT getvariable('x') + nope",
    "SELECT $1",
    "SELECT ?",
    "SELECT * FROM answer",
    "WITH gone AS (DELETE FROM prices RETURNING *) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM prices",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'stolen.csv'",
    "SELECT nope FROM prices",
    "SELECT error('\x1b[31mred')",
]


@pytest.mark.parametrize(
    ("sql", "failure"),
    [(sql, QueryRejectedError) for sql in REFUSED] + [(sql, QueryFailedError) for sql in STOPPED],
)
def test_a_hostile_or_broken_statement_comes_to_nothing(
    filled: Warehouse, tmp_path: Path, sql: str, failure: type[Exception]
) -> None:
    before = state_of(tmp_path, filled.folder)
    with pytest.raises(failure) as caught:
        query(filled, sql, timeout=5)
    message = str(caught.value)
    assert message
    assert [character for character in message if not character.isprintable()] == []
    assert state_of(tmp_path, filled.folder) == before


@pytest.mark.parametrize(
    "sql",
    [
        ENDLESS,
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3",
        "SELECT * FROM range(100000000000)",
        "SELECT sum(range) FROM range(1000000000000)",
    ],
    ids=["recursion", "cross join", "rows", "sum"],
)
def test_an_endless_question_is_stopped_in_time(filled: Warehouse, tmp_path: Path, sql: str) -> None:
    before = state_of(tmp_path, filled.folder)
    started = time.monotonic()
    with pytest.raises(QueryFailedError, match="more than 1 s"):
        query(filled, sql, timeout=1)
    assert time.monotonic() - started < 5
    assert state_of(tmp_path, filled.folder) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(range) FROM range(1000000000)",
        "SELECT range, count(*) FROM range(1000000000) GROUP BY ALL ORDER BY 2",
    ],
    ids=["list", "groups"],
)
def test_a_question_that_needs_too_much_memory_is_stopped(filled: Warehouse, sql: str) -> None:
    with pytest.raises(QueryFailedError, match=r"Out of Memory|memory"):
        query(filled, sql, timeout=20, memory_limit="50MB")


def test_nothing_is_spilled_to_disk(filled: Warehouse) -> None:
    files = set(filled.folder.iterdir())
    seen: set[Path] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            seen.update(filled.folder.iterdir())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with pytest.raises(QueryFailedError, match="Out of Memory"):
            query(
                filled, "SELECT * FROM range(8000000) ORDER BY hash(range)", timeout=20, memory_limit="30MB"
            )
    finally:
        done.set()
        watcher.join()
    assert seen == files


def test_a_long_statement_is_quoted_shortly(filled: Warehouse) -> None:
    with pytest.raises(QueryRejectedError) as caught:
        query(filled, "DROP TABLE prices -- " + "x" * 100_000)
    assert len(str(caught.value)) < 400


def test_after_a_refusal_and_a_stop_the_next_question_is_answered(filled: Warehouse) -> None:
    with pytest.raises(QueryRejectedError):
        query(filled, "DROP TABLE prices")
    with pytest.raises(QueryFailedError):
        query(filled, ENDLESS, timeout=0.2)
    assert query(filled, "SELECT count(*) FROM prices").iloc[0, 0] == 3


def test_questions_may_be_asked_at_the_same_time(filled: Warehouse) -> None:
    answers: list[object] = []

    def ask(limit: str) -> None:
        try:
            answers.append(int(query(filled, "SELECT 3, sleep_ms(300)", memory_limit=limit).iloc[0, 0]))
        except Exception as error:
            answers.append(error)

    threads = [threading.Thread(target=ask, args=(limit,)) for limit in ("1GB", "1GB", "500MB")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [3, 3, 3]


def test_without_a_warehouse_the_sentence_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissingError, match="stockjax run"):
        query(Warehouse(tmp_path / "none"), "SELECT 1")
    assert not (tmp_path / "none").exists()
