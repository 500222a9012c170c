"""A flow in the process of who asks for it."""

from pathlib import Path

import pytest

from flows.inprocess import run_in_process
from stockjax.errors import RunInProgressError
from stockjax.nightly.run_lock import RunLock
from stockjax.settings import load_settings

pytestmark = [
    # Prefect's own threads leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


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
