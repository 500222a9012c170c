"""What a run says about the choice of tickers."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stockjax.nightly.run import Run, hints
from stockjax.settings import load_settings
from tests.support.runs import RunDriver, evening


def run_of(folder: Path, **changes: Any) -> Run:
    settings = load_settings(warehouse=folder, **changes)
    now = evening(date(2024, 3, 1)) if settings.source == "yahoo" else None
    return RunDriver(settings, now=now).run


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "yahoo", "tickers": ("AAPL", "MSFT", "XYZ")}, "costs 28 more requests a night"),
        ({"source": "yahoo", "tickers": ("SHEL",), "exchange": "XLON"}, None),
        ({"source": "yahoo", "tickers": ("XYZ",), "base": {"universe": "djia"}}, None),
        ({"source": "sample"}, None),
    ],
)
def test_a_small_universe_is_told_what_a_wider_base_costs(
    tmp_path: Path, changes: dict[str, Any], words: str | None
) -> None:
    found = hints(run_of(tmp_path, **changes))
    assert [words in hint for hint in found] == ([True] if words else [])


def test_a_named_list_says_of_which_day_its_members_are(tmp_path: Path) -> None:
    (hint,) = hints(run_of(tmp_path, source="yahoo", universe="sp500"))
    assert hint.startswith("the members of 'sp500' are those of 20")
    assert hint.endswith("a backtest of earlier years knows who survived")
