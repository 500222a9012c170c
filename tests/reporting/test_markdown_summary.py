"""The night on one page of Markdown, read as the UI reads it."""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from stockjax.reporting import markdown_summary
from stockjax.reporting.markdown_summary import (
    MAX_PICTURES,
    MAX_ROWS,
    cell,
    count,
    forecast_rows,
    night_digest,
    share,
)
from stockjax.warehouse import Warehouse
from stockjax.warehouse.drift_tables import append_drift
from tests.support.report_rows import HOSTILE, TONIGHT, fill
from tests.support.warehouse_rows import append, fetch, forecast

NASTY = (
    *HOSTILE,
    "a|b",
    "`code`",
    "[x](http://elsewhere.example)",
    "![x](http://elsewhere.example/x.png)",
    "x](http://elsewhere.example/x.png)",
    "two\nlines",
    "&lt;b&gt;",
)
FIGURES = {"rows_stored": 12154, "restated": {}, "checks": {"not_positive": 2, "high_below_low": 1}}


class Read:
    """A page as a reader of Markdown sees it: tables, pictures, and what else has a meaning."""

    def __init__(self, text: str) -> None:
        self.tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
        self.inline = [token for each in self.tokens for token in each.children or []]
        self.headings = [
            str(after.content)
            for token, after in zip(self.tokens, self.tokens[1:], strict=False)
            if token.type == "heading_open"
        ]
        self.tables: list[list[list[str]]] = []
        for token, after in zip(self.tokens, self.tokens[1:], strict=False):
            if token.type == "table_open":
                self.tables.append([])
            elif token.type == "tr_open":
                self.tables[-1].append([])
            elif token.type in {"th_open", "td_open"}:
                self.tables[-1][-1].append(seen(after))

    @property
    def pictures(self) -> dict[str, str]:
        return {seen(token): str(token.attrs["src"]) for token in self.inline if token.type == "image"}

    @property
    def items(self) -> list[str]:
        """What stands in lists."""
        return [
            seen(inline)
            for item, _, inline in zip(self.tokens, self.tokens[1:], self.tokens[2:], strict=False)
            if item.type == "list_item_open"
        ]

    def kinds(self) -> set[str]:
        return {token.type for token in [*self.tokens, *self.inline]}


def seen(token: Token) -> str:
    """What is left to see of a cell, or the name of a picture."""
    return "".join(each.content for each in token.children or [])


def night(
    warehouse: Warehouse,
    tickers: tuple[str, ...],
    failures: Mapping[str, str] | None = None,
    message: str = "2 of 2 tickers forecast for 2013-03-04",
) -> str:
    return night_digest(
        warehouse,
        as_of=TONIGHT,
        tickers=tickers,
        message=message,
        figures=FIGURES,
        failures=failures or {},
        report=Path("warehouse/reports/2013-03-01/index.html"),
    )


def test_a_page_has_forecasts_scores_figures_and_charts(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    page = Read(night(warehouse, ("AAPL", "IBM")))
    assert page.headings == [
        "Forecasts as of 2013-03-01",
        "Next session",
        "How far off the last 63 sessions were",
        "Data",
        "Closes and their forecasts",
    ]
    forecasts, scores = page.tables
    assert forecasts[0] == [
        "ticker",
        "target",
        "last close",
        "forecast",
        "50% interval",
        "90% interval",
        "scale",
        "reports",
    ]
    stored = fetch(
        warehouse,
        """SELECT ticker, basis_close, predicted_close, q25, q75, q05, q95, scale FROM latest_forecasts
           WHERE model = 'lstm' ORDER BY 1""",
    )
    for row, (ticker, basis, predicted, q25, q75, q05, q95, scale) in zip(forecasts[1:], stored, strict=True):
        assert row == [
            ticker,
            "2013-03-04",
            f"{basis:.2f}",
            f"{predicted:.2f}",
            f"{q25:.2f} … {q75:.2f}",
            f"{q05:.2f} … {q95:.2f}",
            f"{100 * scale:.2f}%",
            "–",
        ]
    scored = fetch(
        warehouse,
        """SELECT ticker, n, coverage_90 FROM rolling_metrics
           WHERE model = 'lstm' AND window_sessions = 63 AND session = DATE '2013-03-01' ORDER BY 1""",
    )
    assert [(row[0], row[1], row[6]) for row in scores[1:]] == [
        (ticker, str(n), f"{100 * inside:.1f}%") for ticker, n, inside in scored
    ]
    assert [ticker for ticker, n, _ in scored if n == 63] == ["AAPL", "IBM"]
    assert list(page.pictures) == ["AAPL", "IBM"]
    assert all(source.startswith("data:image/png;base64,") for source in page.pictures.values())


def test_the_figures_of_ingest_are_listed(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=0)
    text = night(warehouse, ("AAPL",))
    listed = Read(text).items
    assert listed == ["rows stored: 12154", "restated: none", "checks: not_positive 2, high_below_low 1"]
    assert "2 of 2 tickers forecast for 2013-03-04" in text
    assert text.rstrip().endswith("The whole report: `warehouse/reports/2013-03-01/index.html`")


def test_a_first_night_has_no_scores_and_no_empty_table(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=0)
    page = Read(night(warehouse, ("AAPL",)))
    assert "How far off the last 63 sessions were" not in page.headings
    assert len(page.tables) == 1
    # Its chart is tonight's forecast alone.
    assert list(page.pictures) == ["AAPL"]


def test_a_score_that_is_missing_is_a_dash(warehouse: Warehouse) -> None:
    # Without the other models there is nothing to compare with.
    append(warehouse, forecast("2013-02-28", "2013-03-01"), forecast("2013-03-01", "2013-03-04"))
    assert [share(value) for value in (None, float("nan"), pd.NA, 0.0, -0.0212, 1.0)] == [
        "–",
        "–",
        "–",
        "0.0%",
        "-2.1%",
        "100.0%",
    ]
    page = Read(night(warehouse, ("A",)))
    assert [row[0] for row in page.tables[0]] == ["ticker", "A"]


def test_a_night_without_any_forecast_says_why_and_has_no_table_of_them(warehouse: Warehouse) -> None:
    page = Read(night(warehouse, ("NOSUCH",), {"NOSUCH": "failed, no such ticker; check the symbol"}))
    assert page.headings == ["Forecasts as of 2013-03-01", "Data", "Not as it should be"]
    assert page.tables == [[["ticker", "why"], ["NOSUCH", "failed, no such ticker; check the symbol"]]]
    assert page.pictures == {}


def test_alarms_of_drift_stand_on_the_page_and_how_far_the_others_are(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    assert "Drift" not in Read(night(warehouse, ("AAPL", "IBM"))).headings
    row = {"scope": "ticker", "monitor": "scale", "session": TONIGHT, "tickers": 1, "observation": 2.5}
    lines = {"threshold": 200.0, "direction": "residuals too large", "seen": 30, "step": 30}
    rows = pd.DataFrame(
        [
            {**row, **lines, "ticker": "AAPL", "evidence": 250.0, "alarm": True},
            {**row, **lines, "ticker": "IBM", "evidence": 50.0, "alarm": False},
        ]
    )
    states = pd.DataFrame(
        {"scope": ["ticker"], "ticker": ["IBM"], "monitor": ["scale"], "last_session": [TONIGHT]}
        | {"seen": [30], "step": [30], "wealth": [[50.0]]}
    )
    append_drift(warehouse, rows, states, as_of=TONIGHT, run_id="run")
    page = Read(
        night_digest(
            warehouse,
            as_of=TONIGHT,
            tickers=("AAPL", "IBM"),
            message="",
            figures=FIGURES,
            failures={},
            report=Path("report"),
            drift=["drift: scale of A|B"],
            decisions=["models: 1 trained, 1 promoted, 0 rejected (A|B), 3 kept"],
        )
    )
    paragraphs = [seen(token) for token in page.tokens if token.type == "inline"]
    assert "models: 1 trained, 1 promoted, 0 rejected (A|B), 3 kept" in paragraphs
    assert "Drift" in page.headings
    assert page.items[:2] == ["drift: scale of A|B", "scale, ticker: 2 watched, nearest 125.0%"]


def test_who_was_not_asked_for_is_not_shown(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=3)
    page = Read(night(warehouse, ("IBM",)))
    assert [[row[0] for row in table] for table in page.tables] == [["ticker", "IBM"]] * 2
    assert list(page.pictures) == ["IBM"]


def test_a_page_of_many_tickers_counts_those_it_leaves_out(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markdown_summary, "_pictures", lambda *_: {})
    rows = [forecast("2013-03-01", "2013-03-04", ticker=f"T{number:02d}") for number in range(MAX_ROWS + 5)]
    append(warehouse, *rows)
    text = night(warehouse, tuple(f"T{number:02d}" for number in range(MAX_ROWS + 5)))
    (table,) = Read(text).tables
    assert len(table) == 1 + MAX_ROWS
    assert "and 5 more in the table artifact and in `latest_forecasts`" in text


def test_only_the_first_tickers_have_charts(warehouse: Warehouse) -> None:
    tickers = tuple(f"T{number}" for number in range(MAX_PICTURES + 2))
    append(warehouse, *(forecast("2013-03-01", "2013-03-04", ticker=ticker) for ticker in tickers))
    page = Read(night(warehouse, tickers))
    assert list(page.pictures) == list(tickers[:MAX_PICTURES])


def test_hostile_names_and_reasons_do_no_harm(warehouse: Warehouse) -> None:
    plain = {name: " ".join(name.split()) for name in NASTY}
    append(warehouse, *(forecast("2013-03-01", "2013-03-04", ticker=name) for name in NASTY))
    for some in (NASTY[:MAX_PICTURES], NASTY[MAX_PICTURES:]):
        page = Read(night(warehouse, some, dict.fromkeys(some, "| <b>why</b> | `x` |"), " ".join(some)))
        assert page.kinds() & {"html_block", "html_inline", "link_open", "code_inline", "fence"} == {
            # The path of the report, which is ours.
            "code_inline"
        }
        forecasts, reasons = page.tables
        assert [row[0] for row in forecasts[1:]] == sorted(plain[name] for name in some)
        assert {len(row) for row in forecasts} == {8}
        assert reasons[1:] == [[plain[name], "| <b>why</b> | `x` |"] for name in some]
        assert sorted(page.pictures) == sorted(plain[name] for name in some)
        assert all(source.startswith("data:image/png;base64,") for source in page.pictures.values())
        assert sum(token.type == "code_inline" for token in page.inline) == 1


@pytest.mark.parametrize(
    "foreign",
    ["a\\|b", "\\[x](http://elsewhere.example)", "ends with \\", "\\`x\\`", "\\\\|", "*x*", "_x_", "x]"],
)
def test_a_cell_shows_what_it_was_given(foreign: str) -> None:
    page = Read(f"| a | b |\n| - | - |\n| {cell(foreign)} | next |\n")
    assert page.tables == [[["a", "b"], [foreign, "next"]]]
    assert "link_open" not in page.kinds()


@pytest.mark.parametrize(
    ("value", "text"),
    [({}, "none"), ({"a|b": 1, "<b>": 2}, "a|b 1, <b> 2"), ("<b>", "<b>"), (12154, "12154"), (None, "None")],
)
def test_figures_may_be_anything(value: object, text: str) -> None:
    assert Read(f"- {count(value)}").items == [text]


def test_the_rows_of_the_table_artifact_are_plain_values(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=2)
    rows = forecast_rows(warehouse, TONIGHT, ("AAPL", "IBM"))
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [(row["ticker"], row["model"]) for row in rows] == [
        (ticker, model) for ticker in ("AAPL", "IBM") for model in ("ewma", "har", "lstm", "random_walk")
    ]
    first = rows[0]
    assert list(first) == [
        "ticker",
        "model",
        "as_of",
        "target",
        "basis_close",
        "predicted_close",
        "q05",
        "q25",
        "q75",
        "q95",
    ]
    assert (first["as_of"], first["target"]) == ("2013-03-01", "2013-03-04")
    ((close,),) = fetch(
        warehouse,
        "SELECT predicted_close FROM latest_forecasts WHERE ticker = 'AAPL' AND model = 'ewma'",
    )
    assert first["predicted_close"] == round(close, 4)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", str(row["target"])) for row in rows)


def test_a_night_of_the_past_shows_nothing_that_came_later(warehouse: Warehouse) -> None:
    append(
        warehouse,
        forecast("2013-02-27", "2013-02-28", origin="catchup", basis_close=90.0),
        forecast("2013-03-01", "2013-03-04", basis_close=110.0),
    )
    rows: list[dict[str, Any]] = forecast_rows(warehouse, date(2013, 2, 27), ["A"])
    assert [(row["as_of"], row["basis_close"]) for row in rows] == [("2013-02-27", 90.0)]
    assert forecast_rows(warehouse, date(2013, 2, 26), ["A"]) == []
