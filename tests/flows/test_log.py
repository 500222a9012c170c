"""What a log keeps to itself."""

import logging

import pytest

from flows.log import make_readable
from stockjax.errors import UsageError


@pytest.fixture
def prefect_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> logging.Logger:
    make_readable()
    monkeypatch.setattr(logging.getLogger("prefect"), "propagate", True)
    caplog.set_level(logging.INFO)
    return logging.getLogger("prefect.flow_runs")


@pytest.mark.parametrize("name", ["prefect.flow_runs", "prefect.task_runs", "prefect.engine"])
def test_an_uneventful_end_is_not_told_and_others_are(
    prefect_log: logging.Logger, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    logging.getLogger(name).info("Finished in state Completed()")
    logging.getLogger(name).info("Finished in state Completed('5 of 5 tickers')")
    assert caplog.messages == ["Finished in state Completed('5 of 5 tickers')"]


def test_only_the_unexpected_shows_where_it_happened(
    prefect_log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    for error in (UsageError("no such session"), ZeroDivisionError("a mistake")):
        try:
            raise error
        except Exception:
            prefect_log.exception("Encountered exception during execution: %r", error)
            prefect_log.exception("Engine execution exited with unexpected exception")
    expected, unexpected, last = caplog.records
    assert "no such session" in expected.getMessage()
    assert expected.exc_info is None
    assert "a mistake" in unexpected.getMessage()
    assert unexpected.exc_info
    assert last.exc_info
