"""A flow in the process of who asks for it."""

from datetime import date
from pathlib import Path

import pytest

from flows.inprocess import run_in_process
from stockjax.errors import RunInProgressError
from stockjax.nightly.run_lock import RunLock
from stockjax.settings import load_settings
from stockjax.warehouse import Warehouse
from tests.support.served import BRIEF
from tests.support.warehouse_rows import fetch

pytestmark = [
    # Prefect's own threads leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_a_first_run_hands_out_its_forecasts_before_it_walks_through_the_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: None
) -> None:
    """And a second one, which has nothing to train, compiles nothing ahead."""
    monkeypatch.setattr("flows.inprocess.silence_stderr_at_exit", lambda: None)
    for name, value in {**BRIEF, "STOCKJAX_WARMUP__SESSIONS": "2"}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(warehouse=tmp_path, tickers=("FB", "IBM"))
    handed_out: list[tuple[object, ...]] = []
    origins = "SELECT DISTINCT origin FROM forecasts ORDER BY 1"

    def listener(tickers: tuple[str, ...], session: date) -> None:
        with Warehouse(tmp_path).read_snapshot() as connection:
            handed_out.append((tickers, session, connection.execute(origins).fetchall()))

    assert run_in_process(settings, listener=listener).succeeded
    assert handed_out == [(("FB", "IBM"), date(2013, 3, 1), [("nightly",)])]
    assert fetch(Warehouse(tmp_path), origins) == [("backtest",), ("nightly",)]

    def never(*_: object) -> None:
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr("stockjax.training.warm_up.compile_programs", never)
    assert run_in_process(settings).succeeded
    assert len(handed_out) == 1


def test_a_run_next_to_another_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: None
) -> None:
    # Standard error is not to be closed at the end of the tests.
    monkeypatch.setattr("flows.inprocess.silence_stderr_at_exit", lambda: None)
    settings = load_settings(warehouse=tmp_path, tickers=("IBM",))
    turn = RunLock(settings)
    turn.acquire("forecast", print)
    with pytest.raises(RunInProgressError, match="another run of forecast is at work"):
        run_in_process(settings)
    assert [path.name for path in tmp_path.iterdir()] == [".forecast.lock"]
    turn.release()
