"""What a log keeps to itself."""

import logging
import sys

import pytest

from flows import common
from flows.log import Readable, _readable, without_links
from stockjax.errors import UsageError


def record(message: str, error: Exception | None = None) -> logging.LogRecord:
    """As a logger makes it, inside the handler of an error if there is one."""
    try:
        if error:
            raise error
    except Exception:
        return logging.LogRecord("prefect", logging.ERROR, "engine.py", 1, message, (), sys.exc_info())
    return logging.LogRecord("prefect", logging.INFO, "engine.py", 1, message, (), None)


@pytest.mark.parametrize("name", ["prefect.flow_runs", "prefect.task_runs", "prefect.engine"])
def test_what_prefect_says_of_runs_and_tasks_passes_through(name: str) -> None:
    # Whatever flow is loaded loads what they share.
    assert common
    assert [type(each) for each in logging.getLogger(name).filters].count(Readable) == 1


def test_an_uneventful_end_is_not_reported_and_others_are() -> None:
    assert not Readable().filter(record("Finished in state Completed()"))
    assert Readable().filter(record("Finished in state Completed('5 of 5 tickers')"))


def test_links_to_pages_are_left_out_while_the_server_has_none() -> None:
    link = record("View at http://127.0.0.1:4200/runs/flow-run/8e6af6ba")
    with without_links():
        assert not _readable.filter(link)
    assert _readable.filter(link)


def test_an_expected_failure_is_one_sentence_and_reported_once() -> None:
    lines = record("Encountered exception during execution: no such session", UsageError("no such session"))
    assert Readable().filter(lines)
    assert lines.exc_info is None
    assert not Readable().filter(
        record("Engine execution exited with unexpected exception", UsageError("no such session"))
    )


def test_a_mistake_of_ours_shows_where_it_happened() -> None:
    lines = record("Engine execution exited with unexpected exception", ZeroDivisionError("a mistake"))
    assert Readable().filter(lines)
    assert lines.exc_info
