import resource
import threading
import time

import pytest

from stockjax.cli import limits
from stockjax.cli.limits import limited, number_of_bytes
from stockjax.errors import QueryFailedError, QueryRejectedError
from stockjax.warehouse import Warehouse
from stockjax.warehouse.query import query


def test_what_duckdb_does_not_hold_back_the_system_does(warehouse: Warehouse) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    started = time.monotonic()
    with limited(5, 10**8), pytest.raises(QueryFailedError, match="Out of Memory"):
        query(warehouse, "SELECT len(range(200000000))", timeout=5, memory_limit="100MB")
    assert time.monotonic() - started < 5
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert query(warehouse, "SELECT 7 AS x").iloc[0, 0] == 7


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[float] = []
    monkeypatch.setattr(limits, "GRACE", 0.0)
    monkeypatch.setattr(limits, "_end", ended.append)
    with limited(0.05, 10**9):
        time.sleep(0.3)
    assert ended == [0.05]
    with limited(30.0, 10**9):
        pass
    timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    assert all(timer.finished.is_set() for timer in timers)
    assert ended == [0.05]


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 5 * 10**8), ("2 GB", 2 * 10**9), ("1.5gib", 3 * 2**29), ("100kB", 10**5)]
)
def test_sizes_are_read_as_duckdb_reads_them(text: str, size: int) -> None:
    assert number_of_bytes(text) == size


@pytest.mark.parametrize("text", ["", "1", "GB", "-1GB", "0MB", "1e9GB", "1GB; DROP", "9" * 40 + "GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(QueryRejectedError, match="no amount of memory"):
        number_of_bytes(text)
