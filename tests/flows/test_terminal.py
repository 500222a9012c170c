"""What long steps show to someone who watches them."""

import io
from collections.abc import Iterator
from datetime import date

import pytest

from flows.terminal import watched
from stockjax.nightly.backtest import BacktestProgress

STEPS = [
    BacktestProgress(date(2013, 2, 21), 6, 21, None),
    BacktestProgress(date(2013, 2, 25), 14, 21, 90.0),
    BacktestProgress(date(2013, 2, 28), 21, 21, 0.0),
]


def bar(steps: Iterator[BacktestProgress]) -> Iterator[BacktestProgress]:
    """That of a backtest."""
    return watched(steps, "training the first base", lambda step: f"through {step.through}")


class Terminal(io.StringIO):
    """Standard error with someone before it."""

    def isatty(self) -> bool:
        return True


def test_steps_pass_unchanged_and_nothing_is_drawn_where_no_one_watches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made: list[BacktestProgress] = []

    def steps() -> Iterator[BacktestProgress]:
        for step in STEPS:
            made.append(step)
            yield step

    for number, step in enumerate(bar(steps())):
        assert step is STEPS[number]
        assert len(made) == number + 1, "each is handed on as soon as it is done"
    assert made == STEPS
    lines = capsys.readouterr()
    assert (lines.out, lines.err) == ("", "")


def test_a_bar_is_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(bar(iter(STEPS))) == STEPS
    drawn = terminal.getvalue()
    assert "through 2013-02-28" in drawn
    assert "21/21" in drawn
    assert capsys.readouterr().out == ""


def test_the_bar_says_what_is_done_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(watched(iter(STEPS[:0]), "trying the current settings", str, 3)) == []
    assert "trying the current settings" in terminal.getvalue()
    assert "0/3" in terminal.getvalue()


def test_what_stops_the_work_is_not_hidden_by_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    def steps() -> Iterator[BacktestProgress]:
        yield STEPS[0]
        raise RuntimeError("power cut")

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Terminal())
    handed_on = bar(steps())
    assert next(handed_on) is STEPS[0]
    with pytest.raises(RuntimeError, match="power cut"):
        next(handed_on)
