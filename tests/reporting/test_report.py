import html
import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import NothingToForecast, SnapshotMissing
from stockjax.forecasting.universe import TickerState, states_table
from stockjax.reporting.report import CHARTED_SESSIONS, write_latest_report, write_report
from stockjax.scoring import refresh_rolling_metrics
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts
from stockjax.warehouse.prices import store_prices
from stockjax.warehouse.records import replace_tickers
from tests.synthetic import NEW_YORK, NOTHING_REFUSED, price_frame

MOMENT = datetime(2013, 3, 1, 22, tzinfo=UTC)
TONIGHT = date(2013, 3, 1)
DAYS = NEW_YORK.sessions(date(2011, 9, 1), TONIGHT)
HOSTILE = ("<script>alert(1)</script>", "../../x", "</script><img src=x onerror=alert(2)>", "a'b\"c&d")


def fill(warehouse: Warehouse, tickers: tuple[str, ...], replayed: int = 80) -> None:
    """Prices, replayed forecasts that are scored, tonight's forecasts, and a ticker that failed."""
    frames = [price_frame(ticker, DAYS, number) for number, ticker in enumerate(tickers)]
    store_prices(warehouse, pd.concat(frames), NOTHING_REFUSED, source="files", run_id="run", moment=MOMENT)
    parts = []
    for frame in frames:
        for at in range(len(DAYS) - 1 - replayed, len(DAYS)):
            for number, model in enumerate(("lstm", "random_walk", "ewma", "har")):
                close = float(frame["close"].iloc[at])
                center = 0.0 if model == "random_walk" else 0.001 * np.sin(at + number)
                quantiles = close * np.exp(center + 0.02 * np.array([-1.6, -0.6, 0, 0.6, 1.6]))
                parts.append(
                    {
                        "ticker": frame["ticker"].iloc[at],
                        "as_of": DAYS[at],
                        "origin": "nightly" if at == len(DAYS) - 1 else "backtest",
                        "basis_close": close,
                        "data_hash": "0" * 16,
                        "model": model,
                        "model_id": f"ticker-{number}" if model == "lstm" else None,
                        "predicted_close": quantiles[2],
                        "predicted_return": center,
                        "scale": 0.02,
                        **dict(zip(["q05", "q25", "q50", "q75", "q95"], quantiles.tolist(), strict=True)),
                    }
                )
    rows = pd.DataFrame(parts)
    as_of = rows["as_of"].to_numpy().astype("datetime64[D]")
    rows["as_of"] = as_of.astype("datetime64[s]")
    rows["target"] = NEW_YORK.sessions_after(as_of).astype("datetime64[s]")
    append_forecasts(warehouse, rows, code_version="0", run_id="run", moment=MOMENT)
    failed = TickerState("GONE<b>", "failed", "no <i>such</i> ticker & nothing else", None, None, 0, None)
    states = states_table([failed]).assign(exchange="XNYS", exchange_from="default", source="files")
    replace_tickers(warehouse, states, run_id="run", moment=MOMENT)
    refresh_rolling_metrics(warehouse)


class Page(HTMLParser):
    """Tags, texts and scripts of a page, as a browser would read it."""

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
        self.text += data

    @property
    def charts(self) -> dict[str, dict[str, list[float | str | None]]]:
        found = re.search(r"const charts = (.*);\n", self.scripts[-1])
        assert found
        charts: dict[str, dict[str, list[float | str | None]]] = json.loads(found[1])
        return charts


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def page_of(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_tells_of_every_ticker(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    path = write_report(warehouse, TONIGHT, ["AAPL", "IBM", "GONE<b>"])
    assert path == warehouse.reports / "2013-03-01" / "index.html"
    page = page_of(path)
    assert "Forecasts as of 2013-03-01 for 2013-03-04" in page.text
    assert "2 of 3" in page.text
    assert {"AAPL", "IBM"} <= set(page.buttons)
    assert "GONE<b> (failed): no <i>such</i> ticker & nothing else" in page.text
    assert list(page.charts) == ["AAPL", "IBM"]


def test_the_page_is_small_and_needs_no_network(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"))
    path = write_report(warehouse, TONIGHT, ["AAPL", "IBM"])
    assert path.stat().st_size < 60_000
    outside = [
        a.get("src") or a.get("href") for tag, a in page_of(path).tags if a.get("src") or a.get("href")
    ]
    (library,) = [str(link) for link in outside]
    assert (path.parent / library).resolve().parent == warehouse.reports.resolve()
    assert (path.parent / library).stat().st_size > 1_000_000
    assert not re.search(r"https?://", path.read_text(encoding="utf-8"))


def test_numbers_in_the_table_are_those_of_the_warehouse(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",))
    text = write_report(warehouse, TONIGHT, ["AAPL"]).read_text(encoding="utf-8")
    with warehouse.read() as connection:
        close, q05 = connection.execute(
            "SELECT basis_close, q05 FROM forecasts WHERE model = 'lstm' AND origin = 'nightly'"
        ).fetchall()[0]
        rmse, skill = connection.execute(
            "SELECT rmse, pinball_skill FROM rolling_metrics "
            "WHERE model = 'lstm' AND window_sessions = 63 ORDER BY session DESC LIMIT 1"
        ).fetchall()[0]
    row = re.search(r"<tr><td data-value=\"AAPL\">.*</tr>", text)
    assert row
    for shown in (f"{close:.2f}", f"{q05:.2f}", f"{rmse:.3f}", f"{skill * 100:+.2f}%"):
        assert f">{shown}</td>" in row[0]


def test_a_chart_ends_with_a_forecast_that_has_no_outcome_yet(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=300)
    chart = page_of(write_report(warehouse, TONIGHT, ["AAPL"])).charts["AAPL"]
    assert {len(series) for series in chart.values()} == {CHARTED_SESSIONS + 1}
    assert chart["target"][-2:] == ["2013-03-01", "2013-03-04"]
    assert chart["target"] == sorted(str(day) for day in chart["target"])
    assert chart["actual_close"][-1] is None
    assert None not in chart["actual_close"][:-1]
    assert None not in chart["predicted_close"]
    with warehouse.read() as connection:
        closes = connection.execute("SELECT close FROM prices ORDER BY session DESC LIMIT 3").fetchall()
    assert chart["actual_close"][-4:-1] == pytest.approx([row[0] for row in closes[::-1]], abs=1e-4)


def test_hostile_names_do_no_harm(warehouse: Warehouse, tmp_path: Path) -> None:
    fill(warehouse, HOSTILE)
    before = files_of(tmp_path)
    path = write_report(warehouse, TONIGHT, list(HOSTILE))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "img" not in [tag for tag, _ in page.tags]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert set(HOSTILE) <= set(page.buttons)
    assert set(page.charts) == set(HOSTILE)
    values = {attributes.get("data-value") for tag, attributes in page.tags if tag == "td"}
    assert set(HOSTILE) <= values
    assert html.escape("<script>alert(1)</script>") in text
    assert "<script>alert" not in text
    # One page and one library, and nothing anywhere else.
    new = files_of(tmp_path) - before
    assert path in new
    assert len(new) == 2
    assert {file.parent for file in new} == {path.parent, warehouse.reports}


def test_a_first_night_without_scores_has_a_page(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=0)
    page = page_of(write_report(warehouse, TONIGHT, ["AAPL"]))
    assert "1 of 1" in page.text
    assert "–" in page.text
    assert len(page.charts["AAPL"]["target"]) == 1


def test_a_night_without_any_forecast_has_a_page_that_says_so(warehouse: Warehouse) -> None:
    page = page_of(write_report(warehouse, TONIGHT, ["AAPL", "IBM"]))
    assert "0 of 2" in page.text
    assert page.charts == {}


def test_a_report_is_written_again_in_place(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=0)
    first = write_report(warehouse, TONIGHT, ["AAPL"])
    library = next(warehouse.reports.glob("plotly*"))
    kept = library.stat().st_mtime_ns
    text = first.read_text(encoding="utf-8")
    first.write_text("half a page", encoding="utf-8")
    assert write_report(warehouse, TONIGHT, ["AAPL"]) == first
    assert first.read_text(encoding="utf-8") == text
    assert library.stat().st_mtime_ns == kept
    assert len(files_of(warehouse.reports)) == 2


def test_the_latest_report_is_that_of_the_newest_forecasts(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=3)
    path = write_latest_report(warehouse)
    assert path.parent.name == "2013-03-01"
    assert list(page_of(path).charts) == ["AAPL", "IBM"]
    assert write_latest_report(warehouse, TONIGHT) == path


def test_there_is_no_report_of_what_nobody_forecast(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(NothingToForecast, match="stockjax run"):
        write_latest_report(warehouse)
    fill(warehouse, ("AAPL",), replayed=2)
    # Replays alone are no night.
    with pytest.raises(NothingToForecast):
        write_latest_report(warehouse, DAYS[-2].item())
    with pytest.raises(SnapshotMissing):
        write_latest_report(Warehouse(tmp_path / "nowhere"))
