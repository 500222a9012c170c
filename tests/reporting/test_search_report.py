"""What a search shows: on a terminal, on the run's page and in a browser."""

import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stockjax.reporting.report import write_report
from stockjax.reporting.search_report import MAX_TRIALS, search_digest, search_table, write_search_page
from stockjax.scoring.skill import Skill
from stockjax.tuning import TrialResult, trials_table
from stockjax.warehouse import Warehouse
from tests.support.warehouse_rows import append, forecast

AS_OF = date(2013, 3, 1)
SEARCHED = ["weight_decay", "hidden"]
MESSAGE = "3 trials (1 pruned): the current settings stay, 43.1 bps"
PNG = re.compile(r"!\[trials\]\(data:image/png;base64,[A-Za-z0-9+/=]{1000,}\)")


def some(number: int, skill: float | None, **changes: Any) -> TrialResult:
    lines: dict[str, Any] = {
        "number": number,
        "current": number == 0,
        "changes": "the current settings" if number == 0 else f"hidden {number}",
        "values": {"weight_decay": 0.33, "hidden": 16 + number},
        "outcome": "completed",
        "folds": 3,
        "loss": None if skill is None else 43.0 * (1 - skill),
        "skill": None if skill is None else Skill(skill, skill - 0.001, skill + 0.001),
        "reason": None,
    }
    return TrialResult(**(lines | changes))


TRIED = [
    some(0, 0.0),
    some(1, 0.002),
    some(2, 0.004, outcome="pruned", folds=1),
    some(3, None, outcome="failed", folds=0, reason="<no> | numbers"),
]


def printed(found: list[TrialResult]) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=80)
    console.print(search_table(trials_table(found), SEARCHED))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return [line.split() for line in lines if re.match(r"\s+\d+\s+0\.33", line)]


def test_the_best_stand_on_top_and_pruned_ones_beneath() -> None:
    assert printed(TRIED) == [
        ["1", "0.33", "17", "42.91", "+0.20", "+0.10…+0.30"],
        ["0", "0.33", "16", "43.00", "–", "–"],
        ["2", "0.33", "18", "42.83", "+0.40", "pruned"],
        ["3", "0.33", "19", "–", "–", "failed"],
    ]


def test_the_settings_active_are_shown_however_they_did() -> None:
    many = [some(0, 0.0), *(some(number, number / 1000) for number in range(1, 20))]
    shown = [line[0] for line in printed(many)]
    assert shown == [*map(str, range(19, 19 - MAX_TRIALS, -1)), "0"]


def test_the_run_page_has_table_and_picture_and_foreign_text_is_harmless() -> None:
    digest = search_digest(trials_table(TRIED), AS_OF, MESSAGE, Path("tuning.html"))
    assert MESSAGE in digest
    assert "| 1 | hidden 1 | 42.91 | +0.20 | +0.10…+0.30 | 3 |  |" in digest
    assert "\\<no\\> \\| numbers" in digest
    assert PNG.search(digest)


def test_a_search_in_which_all_others_failed_can_be_drawn() -> None:
    assert PNG.search(search_digest(trials_table([some(0, 0.0), TRIED[3]]), AS_OF, "", Path("t.html")))


@pytest.fixture
def page(warehouse: Warehouse) -> str:
    path = write_search_page(warehouse, trials_table(TRIED), AS_OF, MESSAGE, SEARCHED)
    assert path == warehouse.reports / "2013-03-01" / "tuning.html"
    return path.read_text(encoding="utf-8")


def test_the_page_has_every_trial_and_a_chart_for_every_setting(page: str, warehouse: Warehouse) -> None:
    assert MESSAGE in page
    assert page.count("<tr><td>") == len(TRIED)
    assert "&lt;no&gt; | numbers" in page
    (lines,) = re.findall(r"const trials = (.*);", page)
    trials = json.loads(lines)
    assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
    assert [trial["skill"] for trial in trials] == [0.0, 0.002, 0.004, None]
    for name in SEARCHED:
        assert f'<div id="by-{name}" class="chart"' in page
    (library,) = re.findall(r'<script src="([^"]+)">', page)
    assert (warehouse.reports / "2013-03-01" / library).is_file()
    assert "://" not in page


def test_the_nights_page_links_to_the_search_whichever_came_first(warehouse: Warehouse) -> None:
    append(warehouse, forecast("2013-03-01", "2013-03-04", ticker="A"))
    night = write_report(warehouse, AS_OF, ["A"])
    assert "tuning.html" not in night.read_text(encoding="utf-8")
    write_search_page(warehouse, trials_table(TRIED), AS_OF, MESSAGE, SEARCHED)
    assert '<a href="tuning.html">' in night.read_text(encoding="utf-8")
    write_report(warehouse, AS_OF, ["A"])
    assert '<a href="tuning.html">' in night.read_text(encoding="utf-8")


def test_no_nights_page_is_made_by_a_search(page: str, warehouse: Warehouse) -> None:
    assert page
    assert not (warehouse.reports / "2013-03-01" / "index.html").exists()
