"""One run of a flow at a time on a warehouse."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stockjax.errors import RunInProgressError
from stockjax.nightly.run_lock import RunLock
from stockjax.settings import Settings, load_settings
from tests.support.runs import RunDriver

HOLDER = """
import sys
from pathlib import Path
from stockjax.nightly.run_lock import RunLock
from stockjax.settings import load_settings
turn = RunLock(load_settings(warehouse=Path(sys.argv[1])))
turn.acquire("forecast", print)
print("taken", flush=True)
sys.stdin.read()
"""


def settings(folder: Path, if_running: str = "cancel", timeout: float = 30.0) -> Settings:
    return load_settings(warehouse=folder, run={"if_running": if_running, "busy_timeout": timeout})


def taken(folder: Path, flow: str = "forecast") -> RunLock:
    turn = RunLock(settings(folder))
    turn.acquire(flow, say_nothing)
    return turn


def say_nothing(line: str) -> None:
    raise AssertionError(f"nothing was to be said, and not '{line}'")


@contextmanager
def held_by_another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "taken\n"
            yield process
        finally:
            process.kill()


def test_a_turn_makes_the_folder_and_can_be_taken_again_when_it_is_given_back(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    for _ in range(3):
        taken(folder).release()
    assert folder.is_dir()


def test_a_second_run_is_refused_at_once_in_a_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    first = taken(tmp_path)
    begun = time.monotonic()
    with pytest.raises(RunInProgressError) as refused:
        taken(tmp_path)
    assert time.monotonic() - begun < 1
    assert str(refused.value) == (
        f"another run of forecast is at work on '{tmp_path}', and this one is cancelled; "
        "run it again later, or set run.if_running to 'wait'"
    )
    assert refused.value.exit_code == 1
    first.release()
    taken(tmp_path).release()


def test_who_was_refused_takes_nothing_from_the_other_when_it_ends(tmp_path: Path) -> None:
    first, second = taken(tmp_path), RunLock(settings(tmp_path))
    with pytest.raises(RunInProgressError):
        second.acquire("forecast", say_nothing)
    second.release()
    with pytest.raises(RunInProgressError):
        taken(tmp_path)
    first.release()


def test_flows_and_warehouses_have_turns_of_their_own(tmp_path: Path) -> None:
    turns = [taken(tmp_path), taken(tmp_path, "backtest"), taken(tmp_path / "other")]
    held = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.lock"))
    assert held == [".backtest.lock", ".forecast.lock", "other/.forecast.lock"]
    for turn in turns:
        turn.release()


def test_a_turn_that_was_never_taken_can_be_given_back(tmp_path: Path) -> None:
    turn = RunLock(settings(tmp_path))
    turn.release()
    turn.acquire("forecast", say_nothing)
    with pytest.raises(RunInProgressError):
        taken(tmp_path)
    turn.release()
    turn.release()
    taken(tmp_path).release()


def test_a_run_that_waits_says_so_and_goes_on_when_the_other_ends(tmp_path: Path) -> None:
    first, lines = taken(tmp_path), []

    def log(line: str) -> None:
        lines.append(line)
        # Given back by another thread than took it: steps of a run may end anywhere.
        threading.Timer(0.3, first.release).start()

    begun = time.monotonic()
    waiting = RunLock(settings(tmp_path, "wait"))
    waiting.acquire("forecast", log)
    assert 0.3 <= time.monotonic() - begun < 10
    assert lines == [f"another run of forecast is at work on '{tmp_path}'; waiting for its end"]
    with pytest.raises(RunInProgressError):
        taken(tmp_path)
    waiting.release()


def test_a_run_does_not_wait_longer_than_the_settings_say(tmp_path: Path) -> None:
    first, lines = taken(tmp_path), []
    begun = time.monotonic()
    with pytest.raises(RunInProgressError) as refused:
        RunLock(settings(tmp_path, "wait", timeout=0.2)).acquire("forecast", lines.append)
    assert 0.2 <= time.monotonic() - begun < 5
    assert len(lines) == 1
    assert "was still at work" in str(refused.value)
    assert "after 0.2 s" in str(refused.value)
    assert "raise run.busy_timeout" in str(refused.value)
    first.release()


def test_of_many_that_wait_each_gets_its_turn_alone(tmp_path: Path) -> None:
    inside, most, done = 0, 0, []

    def work(number: int) -> None:
        nonlocal inside, most
        turn = RunLock(settings(tmp_path, "wait"))
        turn.acquire("forecast", lambda line: None)
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        inside -= 1
        done.append(number)
        turn.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, sorted(done)) == (1, [0, 1, 2, 3, 4])


def test_the_turn_of_a_process_that_is_killed_is_free_at_once(tmp_path: Path) -> None:
    with held_by_another_process(tmp_path) as process:
        with pytest.raises(RunInProgressError):
            taken(tmp_path)
        process.kill()
        process.wait()
        taken(tmp_path).release()


def test_a_run_that_waits_goes_on_when_the_other_process_dies(tmp_path: Path) -> None:
    with held_by_another_process(tmp_path) as process:
        waiting = RunLock(settings(tmp_path, "wait"))
        waiting.acquire("forecast", lambda line: process.kill())
        assert process.wait() != 0
        waiting.release()


def test_a_night_holds_its_turn_from_its_opening_to_its_close(tmp_path: Path) -> None:
    night = RunDriver(settings(tmp_path))
    taken(tmp_path).release()
    night.open()
    with pytest.raises(RunInProgressError):
        RunDriver(settings(tmp_path)).open()
    night.close("completed", {})
    taken(tmp_path).release()


def test_a_night_that_cannot_begin_keeps_no_one_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stockjax.warehouse.Warehouse.migrated", fail)
    with pytest.raises(OSError, match="No space left"):
        RunDriver(settings(tmp_path)).open()
    taken(tmp_path).release()


def test_a_night_whose_end_cannot_be_noted_keeps_no_one_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    night = RunDriver(settings(tmp_path))
    night.open()
    monkeypatch.setattr("stockjax.nightly.run.finish_run", fail)
    with pytest.raises(OSError, match="No space left"):
        night.close("completed", {})
    taken(tmp_path).release()
