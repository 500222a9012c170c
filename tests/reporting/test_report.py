"""What the page of a night says, read as a browser reads it; tests/e2e/test_report.py opens it in one."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stockjax.errors import NothingToForecastError, SnapshotMissingError
from stockjax.reporting.report import forecast_tickers, write_latest_report, write_report
from stockjax.scoring import refresh_rolling_metrics
from stockjax.warehouse import Warehouse
from stockjax.warehouse.drift_tables import append_drift
from tests.support.report_rows import DAYS, HOSTILE, TONIGHT, fill
from tests.support.warehouse_rows import append, closes, fetch, forecast, store


class Page(HTMLParser):
    """Tags, texts and scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.buttons: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")
        if tag == "button":
            self.buttons.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "button":
            self.buttons[-1] += data
        if self._inside not in {"script", "style"}:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def lines(self) -> dict[str, Any]:
        """What the page tells its script."""
        lines: dict[str, Any] = json.loads(self.scripts[1])
        return lines


def page_of(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def bytes_of(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in files_of(folder)}


def row_of(path: Path, ticker: str) -> str:
    found = re.search(
        rf"<tr><th scope=\"row\" data-value=\"{ticker}\">.*?</tr>",
        path.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert found
    return found[0]


def test_the_page_tells_of_every_ticker(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    path = write_report(warehouse, TONIGHT, ["IBM", "AAPL", "GONE<b>"])
    assert path == warehouse.reports / "2013-03-01" / "index.html"
    page = page_of(path)
    assert "Forecasts for 2013-03-04 as of the close of 2013-03-01" in page.text
    assert "2 of 3" in page.text
    assert "GONE<b> (failed): no <i>such</i> ticker & nothing else" in page.text
    # A ticker without forecast and scores has no charts; the numbers of the others are their places.
    assert page.lines["tickers"] == ["AAPL", "IBM"]
    assert page.lines["numbers"] == [0, 2]
    assert [name for name in page.buttons if name in {"AAPL", "IBM", "GONE<b>"}] == ["AAPL", "IBM"]


def test_the_folder_is_small_and_needs_nothing_else(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    path = write_report(warehouse, TONIGHT, ["AAPL", "IBM"])
    assert path.stat().st_size < 60_000
    page = page_of(path)
    links = [str(a.get("src") or a.get("href")) for _, a in page.tags if a.get("src") or a.get("href")]
    names = [link for link in links if not link.startswith("#")]
    assert names == [page.lines["library"]]
    assert (path.parent / names[0]).stat().st_size > 1_000_000
    assert (path.parent / page.lines["series"] / "0.js").is_file()
    assert not re.search(r"https?://", path.read_text(encoding="utf-8"))


def test_a_browser_runs_the_pages_own_script_and_files_next_to_it_only(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=2)
    page = page_of(write_report(warehouse, TONIGHT, ["AAPL"]))
    (policy,) = [a["content"] for a in page.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in str(policy).split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in rules["script-src"]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_numbers_in_the_table_are_those_of_the_warehouse(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",))
    row = row_of(write_report(warehouse, TONIGHT, ["AAPL"]), "AAPL")
    ((close, q05, scale),) = fetch(
        warehouse, "SELECT basis_close, q05, scale FROM latest_forecasts WHERE model = 'lstm'"
    )
    scores = (
        "SELECT {} FROM rolling_metrics WHERE model = $1 AND window_sessions = 63 "
        "ORDER BY session DESC LIMIT 1"
    )
    ((rmse, mae, skill, inside),) = fetch(
        warehouse, scores.format("return_rmse, return_mae, pinball_skill, coverage_90"), "lstm"
    )
    ((walk,),) = fetch(warehouse, scores.format("return_rmse"), "random_walk")
    for shown in (
        f"{close:.2f}",
        f"{scale:.2%}",
        f"{rmse:.3%}",
        f"{walk:.3%}",
        f"{mae:.3%}",
        f"{skill:+.2%}",
        f"{inside:.0%}",
        "63",
        "scores replayed",
    ):
        assert f">{shown}</td>" in row
    assert f">{q05:.2f} … " in row


def test_what_is_not_as_usual_is_noted(warehouse: Warehouse) -> None:
    for ticker in ("A", "B", "C", "D"):
        store(warehouse, closes(ticker, {"2013-02-28": 100.0, "2013-03-01": 101.0}))
    append(
        warehouse,
        forecast("2013-03-01", "2013-03-04", ticker="A", fallback="base"),
        forecast("2013-03-01", "2013-03-04", ticker="B", origin="catchup", fallback="har"),
        # Its exchange did not trade on Friday.
        forecast("2013-02-28", "2013-03-04", ticker="C"),
        # What was forecast for a session that is over is no forecast tonight.
        forecast("2013-02-28", "2013-03-01", ticker="D"),
    )
    refresh_rolling_metrics(warehouse)
    path = write_report(warehouse, TONIGHT, ["A", "B", "C", "D"])
    text = page_of(path).text
    assert "3 of 4tickers forecast, 2 of them by the base or HAR in place of their own model" in text
    notes = {ticker: row_of(path, ticker).rpartition('">')[2].removesuffix("</td></tr>") for ticker in "ABCD"}
    assert notes == {
        "A": "by the base",
        "B": "by HAR, written late",
        "C": "as of 2013-02-28",
        "D": "no forecast tonight",
    }
    assert forecast_tickers(warehouse, TONIGHT) == ["A", "B", "C"]


def test_alarms_of_drift_are_reported(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=2)
    assert "Noalarms of drift" in page_of(write_report(warehouse, TONIGHT, ["AAPL"])).text
    row = {"session": TONIGHT, "tickers": 1, "observation": 2.5, "evidence": 125.0, "threshold": 100.0}
    row |= {"direction": "rose", "seen": 30, "step": 30}
    rows = pd.DataFrame(
        [
            {**row, "scope": "ticker", "ticker": "AAPL", "monitor": "scale", "alarm": True},
            {**row, "scope": "universe", "ticker": None, "monitor": "coverage", "alarm": True},
            {**row, "scope": "ticker", "ticker": "IBM", "monitor": "scale", "alarm": False},
        ]
    )
    states = pd.DataFrame(
        {"scope": ["ticker"], "ticker": ["IBM"], "monitor": ["scale"], "last_session": [TONIGHT]}
        | {"seen": [30], "step": [30], "wealth": [[50.0]]}
    )
    append_drift(warehouse, rows, states, as_of=TONIGHT, run_id="run")
    text = page_of(write_report(warehouse, TONIGHT, ["AAPL"])).text
    assert "2alarms of drift: see below" in text
    assert "Drift of the universe: coverage, rose (evidence 125, an alarm from 100)" in text
    assert "Drift of AAPL: scale, rose (evidence 125, an alarm from 100)" in text
    assert "IBM" not in text


def test_the_verdict_is_that_of_the_leaderboard(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    ((verdict, skill, coverage),) = fetch(
        warehouse,
        "SELECT pinball_verdict, pinball_skill, coverage_90 FROM leaderboard "
        "WHERE model = 'lstm' AND window_sessions = 63 AND origin = 'backtest'",
    )
    text = page_of(write_report(warehouse, TONIGHT, ["AAPL", "IBM"])).text
    said = {"better": "beat", "worse": "lose to", "tie": "tie with"}[verdict]
    assert f"intervals {said} HAR, and {coverage:.1%} of closes fell inside the 90% interval." in text
    assert "(of a backtest: too few nights have an outcome yet)" in text
    assert f"all together {skill:+.2%} of pinball loss" in text


def test_a_report_of_the_past_knows_nothing_of_what_came_after(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    day = DAYS[-2].item()
    append(
        warehouse,
        *[
            forecast(str(day), str(TONIGHT), model, ticker=ticker, basis_close=50.0)
            for ticker in ("AAPL", "IBM")
            for model in ("lstm", "random_walk", "ewma", "har")
        ],
    )
    path = write_latest_report(warehouse, day)
    before = bytes_of(path.parent)
    with warehouse.write() as connection:
        connection.execute(
            "UPDATE prices SET close = close * 3, adj_close = adj_close * 3 WHERE session > $1", [day]
        )
        connection.execute("DELETE FROM forecasts WHERE as_of > $1 OR target > $2", [day, TONIGHT])
        connection.execute("DELETE FROM rolling_metrics WHERE session > $1", [day])
    assert write_latest_report(warehouse, day) == path
    assert bytes_of(path.parent) == before


def test_hostile_names_do_no_harm(warehouse: Warehouse, tmp_path: Path) -> None:
    fill(warehouse, HOSTILE)
    before = files_of(tmp_path)
    path = write_report(warehouse, TONIGHT, list(HOSTILE))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.named("script")) == len(page.scripts) == 3
    assert page.named("img") == []
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert set(HOSTILE) <= set(page.buttons)
    assert set(page.lines["tickers"]) == set(HOSTILE)
    assert set(HOSTILE) <= {attributes.get("data-value") for attributes in page.named("th")}
    assert html.escape("<script>alert(1)</script>") in text
    assert "<script>alert" not in text
    # A page, its series and the library, and nothing anywhere else.
    new = files_of(tmp_path) - before
    series, library = page.lines["series"], page.lines["library"]
    assert {file.relative_to(warehouse.reports) for file in new} == {
        Path(".lock"),
        Path(library),
        Path("2013-03-01", "index.html"),
        Path("2013-03-01", library),
        Path("2013-03-01", series, "0.js"),
    }


def test_the_same_warehouse_gives_the_same_bytes(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=30)
    folder = write_report(warehouse, TONIGHT, ["AAPL", "IBM"]).parent
    first = bytes_of(folder)
    assert write_report(warehouse, TONIGHT, ["IBM", "AAPL", "IBM"]).parent == folder
    assert bytes_of(folder) == first


def test_a_first_night_without_scores_has_a_page(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=0)
    page = page_of(write_report(warehouse, TONIGHT, ["AAPL"]))
    assert "1 of 1" in page.text
    assert "No forecast has an outcome yet." in page.text
    assert page.lines["below"] == []


def test_a_night_without_any_forecast_has_a_page_that_says_so(warehouse: Warehouse) -> None:
    page = page_of(write_report(warehouse, TONIGHT, ["AAPL", "IBM"]))
    assert "0 of 2" in page.text
    assert page.lines["tickers"] == []


def test_the_latest_report_is_that_of_the_newest_forecasts_and_of_the_last_universe(
    warehouse: Warehouse,
) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=3)
    path = write_latest_report(warehouse)
    assert path.parent.name == "2013-03-01"
    page = page_of(path)
    assert page.lines["tickers"] == ["AAPL", "IBM"]
    assert "2 of 3" in page.text
    assert "GONE<b> (failed)" in page.text
    assert write_latest_report(warehouse, TONIGHT) == path


def test_there_is_no_report_of_what_no_one_forecast(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(NothingToForecastError, match="stockjax run"):
        write_latest_report(warehouse)
    fill(warehouse, ("AAPL",), replayed=2)
    # Replays alone are no night.
    with pytest.raises(NothingToForecastError):
        write_latest_report(warehouse, DAYS[-2].item())
    with pytest.raises(SnapshotMissingError):
        write_latest_report(Warehouse(tmp_path / "nowhere"))
