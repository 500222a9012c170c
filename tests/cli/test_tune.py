"""`stockjax tune`: what it asks the flow for and what it prints."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows import inprocess
from flows.inprocess import Finished
from stockjax.settings import Settings
from stockjax.tuning import Search, build_search_spec, open_study
from tests.cli.test_main import ended
from tests.support.searches import TICKERS, TONIGHT, Rigged, distance, history, settings_of


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, date | None]]:
    """What the flow is asked for; instead of it, a rigged search is done."""
    lines: list[tuple[Settings, date | None]] = []

    def search(settings: Settings, as_of: date | None) -> Any:
        lines.append((settings, as_of))
        problem = build_search_spec(history(), TICKERS, TONIGHT, settings_of(trials=settings.tune.trials))
        with open_study(settings.warehouse, problem.name) as study:
            list(Search(study, problem, Rigged(distance)).run())
        page = Path("reports") / "tuning.html"
        return Finished(True, "the current settings stay", TICKERS, TONIGHT, page, problem.name)

    monkeypatch.setattr(inprocess, "tune_in_process", search)
    return lines


def test_flags_reach_the_flow_and_the_best_are_printed(
    asked: list[tuple[Settings, date | None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--trials", "4", "--as-of", "2013-02-28", "--warehouse", str(tmp_path / "w")]
    assert ended(["tune", "IBM", *flags]) == 0
    ((settings, as_of),) = asked
    assert (settings.tickers, settings.tune.trials, as_of) == (("IBM",), 4, date(2013, 2, 28))
    assert settings.tune.folds == 3, "the rest of the section stays as it is"
    lines = capsys.readouterr().out
    lines = lines.splitlines()
    assert sorted(line.split()[0] for line in lines if line[:6].strip().isdigit()) == ["0", "1", "2", "3"]
    assert "report: reports/tuning.html" in lines
    assert lines[-1] == "the current settings stay"


@pytest.mark.parametrize("flags", [["--trials", "0"], ["--as-of", "soon"], ["--nosuch"]])
def test_wrong_usage_ends_with_two(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["tune", *flags]) == 2
    assert capsys.readouterr().out == ""
