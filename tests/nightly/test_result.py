"""When a night has failed, and what is said of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from stockjax.nightly import RunResult
from stockjax.nightly.result import MAX_REASONS


def outcome(
    asked: int, forecast: int, excused: int = 0, failures: Mapping[str, str] | None = None
) -> RunResult:
    return RunResult(
        as_of=date(2013, 3, 1),
        targets=(date(2013, 3, 4),),
        tickers=frozenset(f"T{number}" for number in range(asked)),
        forecast=forecast,
        caught_up=0,
        excused=excused,
        failures=failures or {},
        ingested={},
        remark=None,
        report=Path("report"),
    )


def test_alarms_of_drift_are_counted_in_the_message_and_named_in_the_summary() -> None:
    drifted = replace(outcome(5, 5), drift=("drift: scale of T1", "drift: input of T2"))
    assert drifted.message == "5 of 5 tickers forecast for 2013-03-04; 2 alarm(s) of drift"
    assert drifted.summary()["drift"] == ["drift: scale of T1", "drift: input of T2"]


@pytest.mark.parametrize(
    ("asked", "forecast", "excused", "share", "failed"),
    [
        (5, 5, 0, 0.5, False),
        (5, 5, 0, 0.0, False),
        # One missing is one too many, or is borne.
        (5, 4, 0, 0.0, True),
        (5, 4, 0, 0.2, False),
        (5, 4, 0, 0.19, True),
        # Half of them is not more than half of them.
        (4, 2, 0, 0.5, False),
        (4, 1, 0, 0.5, True),
        # Nothing came of it, whatever share is borne.
        (4, 0, 0, 1.0, True),
        (1, 0, 0, 1.0, True),
        # Those that have ended or are too short are left out of the count.
        (10, 1, 9, 0.0, False),
        (10, 1, 8, 0.0, True),
        (10, 1, 8, 0.5, False),
        (10, 2, 5, 0.5, True),
        (10, 3, 5, 0.5, False),
        # A forecast of one that has ended since is none that others lack.
        (10, 6, 5, 0.0, False),
        # No one was left to be forecast.
        (3, 0, 3, 0.5, True),
    ],
)
def test_a_night_has_failed_by_the_share_of_those_that_could_have_been_forecast(
    asked: int, forecast: int, excused: int, share: float, failed: bool
) -> None:
    assert outcome(asked, forecast, excused).failed(share) is failed


def test_the_message_counts_and_says_why() -> None:
    lines = outcome(3, 1, failures={"T2": "failed, no such ticker", "T1": "stale, last price 2013-02-01"})
    assert lines.message == (
        "1 of 3 tickers forecast for 2013-03-04; T1: stale, last price 2013-02-01; T2: failed, no such ticker"
    )


def test_a_file_is_not_named_twice() -> None:
    lines = outcome(1, 1, failures={"broken.csv": "'broken.csv' has headings and no rows; fill or remove it"})
    assert lines.message.endswith("; 'broken.csv' has headings and no rows; fill or remove it")


def test_a_long_message_counts_the_rest_and_the_summary_has_them_all() -> None:
    failures = {f"T{number:02d}": "failed" for number in range(MAX_REASONS + 7)}
    lines = outcome(40, 13, failures=failures)
    assert lines.message.count(": failed") == MAX_REASONS
    assert lines.message.endswith("; and 7 more tickers, see stockjax status")
    assert lines.summary()["failures"] == failures
