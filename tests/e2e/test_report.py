"""The report as a person sees it: opened from disk in a browser that reaches no network."""

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stockjax.reporting.report import write_latest_report
from stockjax.reporting.series_scripts import TOGETHER
from stockjax.warehouse import Warehouse
from tests.support.browser import browser, pictures_folder
from tests.support.report_rows import HOSTILE, fill
from tests.support.served import until
from tests.support.warehouse_rows import fetch

CHARTS = ("skill", "calibration", "closes", "errors", "rolling", "own", "width")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
MANY = 500
NASTY = (
    *HOSTILE,
    "<img src=x onerror=document.title='hacked'>",
    "<a href='javascript:document.title=1'>x</a>",
    "&lt;b&gt;",
    "%3Cb%3E#ticker=",
    "\\u003cscript",
    "T" * 80,
)


@dataclass
class Seen:
    """A page, and what it asked for and complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(30_000)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.lines.append(message.text))
        self.page.on("pageerror", lambda error: self.lines.append(str(error)))
        self.page.on("dialog", lambda dialog: self.lines.append(dialog.message))

    def open(self, path: Path, mark: str = "", scheme: Any = "light") -> None:
        """Load the report again, and wait until all is drawn."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.goto("about:blank")
        self.asked.clear()
        self.lines.clear()
        self.page.goto(path.as_uri() + mark)
        self.page.wait_for_selector("#ticker[data-drawn]")

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)

    @property
    def tickers(self) -> list[str]:
        """Those that the table shows, from above."""
        found: list[str] = self.page.locator("#table tbody tr:not([hidden]) .pick").all_text_contents()
        return found

    def drawn(self, chart: str, trace: str, axis: str) -> list[Any]:
        """The values of a trace that a chart shows."""
        found: list[Any] = self.ask(
            f"document.getElementById('{chart}').data.find(trace => trace.name === '{trace}').{axis}"
        )
        return found


def ledger(folder: Path, tickers: tuple[str, ...], replayed: int) -> Warehouse:
    warehouse = Warehouse(folder)
    warehouse.migrate()
    fill(warehouse, tickers, replayed)
    return warehouse


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = browser()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=120_000)
        yield started
        started.close()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return ledger(tmp_path_factory.mktemp("few"), ("AAPL", "FB", "GOOG", "IBM", "MSFT"), 260)


@pytest.fixture(scope="module")
def few_page(few: Warehouse) -> Path:
    return write_latest_report(few)


@pytest.fixture(scope="module")
def many_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = tuple(f"T{number:03d}" for number in range(MANY))
    return write_latest_report(ledger(tmp_path_factory.mktemp("many"), names, 30))


def page_of(chromium: Browser, device: str) -> Seen:
    width, height = SIZES[device]
    phone = device == "phone"
    context = chromium.new_context(
        viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone
    )
    return Seen(context.new_page())


# A page of its own takes three times as long as another load of one: its process starts, and compiles the
# library of the charts.
@pytest.fixture(scope="module")
def screens(chromium: Browser) -> dict[str, Seen]:
    """A page on a screen of each size."""
    return {device: page_of(chromium, device) for device in SIZES}


@pytest.fixture
def desktop(screens: dict[str, Seen]) -> Seen:
    return screens["desktop"]


@pytest.fixture
def seen(desktop: Seen, few_page: Path) -> Iterator[Seen]:
    desktop.open(few_page)
    yield desktop
    assert desktop.lines == []


@pytest.mark.parametrize(
    ("count", "scheme", "device"),
    [
        *((5, scheme, device) for scheme in ("light", "dark") for device in SIZES),
        (MANY, "light", "desktop"),
        (MANY, "dark", "phone"),
    ],
)
def test_it_opens_from_disk_and_draws_everything(
    request: pytest.FixtureRequest,
    screens: dict[str, Seen],
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    scheme: str,
    device: str,
) -> None:
    path: Path = request.getfixturevalue("few_page" if count == 5 else "many_page")
    found = screens[device]
    found.open(path, scheme=scheme)
    assert len(found.tickers) == count
    expect(found.page.locator("#count")).to_have_text(f"{count} of {count}")
    for chart in CHARTS:
        expect(found.page.locator(f"#{chart} .main-svg").first).to_be_visible()
    assert found.lines == []
    # Of the series, one file has been read.
    assert all(url.startswith(path.parent.as_uri() + "/") for url in found.asked)
    assert sum("/series-" in url for url in found.asked) == 1
    # Nothing sticks out of the screen; wide tables scroll in their place.
    assert found.ask("document.documentElement.scrollWidth <= innerWidth")
    dark = sum(
        int(part) for part in found.ask("getComputedStyle(document.body).backgroundColor")[4:-1].split(",")
    )
    assert (dark < 150) == (scheme == "dark")
    pictures = pictures_folder(tmp_path_factory)
    found.page.screenshot(path=pictures / f"report-{count}-{scheme}-{device}.png", full_page=True)


def test_all_of_it_is_light(many_page: Path) -> None:
    files = [path for path in many_page.parent.rglob("*") if path.is_file()]
    # The page, the library, and a few tickers in each of the others; one more has failed.
    assert len(files) == 2 + math.ceil((MANY + 1) / TOGETHER)
    assert sum(path.stat().st_size for path in files) < 10e6
    assert many_page.stat().st_size < 600_000


def test_charts_show_what_the_warehouse_has(seen: Seen, few: Warehouse) -> None:
    seen.page.get_by_role("button", name="IBM", exact=True).click()
    seen.page.wait_for_selector("#ticker[data-drawn='IBM']")
    scored = fetch(
        few,
        """SELECT target::VARCHAR, actual_close, predicted_close, q95, 100 * return_error, inside_90
        FROM scored_forecasts WHERE ticker = 'IBM' AND model = 'lstm' ORDER BY target DESC LIMIT 252""",
    )[::-1]
    days, actual, predicted, high, error, inside = zip(*scored, strict=True)
    ((target, ahead),) = fetch(
        few,
        """SELECT target::VARCHAR, predicted_close FROM latest_forecasts
        WHERE ticker = 'IBM' AND model = 'lstm'""",
    )
    assert seen.drawn("closes", "actual", "x") == [*days, target]
    assert seen.drawn("closes", "actual", "y")[:-1] == pytest.approx(actual, abs=0.006)
    assert seen.drawn("closes", "actual", "y")[-1] is None
    assert seen.drawn("closes", "predicted", "y") == pytest.approx([*predicted, ahead], abs=0.006)
    assert seen.drawn("closes", "90% interval", "y")[-2] < high[-1] + 0.006
    assert seen.drawn("errors", "outside", "x") == [
        day for day, lines in zip(days, inside, strict=True) if not lines
    ]
    assert sorted(
        seen.drawn("errors", "inside", "y") + seen.drawn("errors", "outside", "y")
    ) == pytest.approx(sorted(error), abs=0.006)
    rolling = fetch(
        few,
        """SELECT model, 100 * return_rmse, 100 * return_mae FROM rolling_metrics
        WHERE ticker = 'IBM' AND window_sessions = 63 AND model IN ('lstm', 'random_walk')
        QUALIFY row_number() OVER (PARTITION BY model ORDER BY session DESC) = 1 ORDER BY model""",
    )
    for (_, rmse, mae), name in zip(rolling, ("", " of the walk"), strict=True):
        assert seen.drawn("rolling", f"RMSE{name}", "y")[-2] == pytest.approx(rmse, abs=0.001)
        assert seen.drawn("rolling", f"MAE{name}", "y")[-2] == pytest.approx(mae, abs=0.001)
    below = fetch(
        few,
        """SELECT avg((actual_close <= q05)::INTEGER), avg((actual_close <= q25)::INTEGER),
            avg((actual_close <= q50)::INTEGER), avg((actual_close <= q75)::INTEGER),
            avg((actual_close <= q95)::INTEGER)
        FROM (
            FROM scored_forecasts WHERE ticker = 'IBM' AND model = 'lstm' ORDER BY target DESC LIMIT 252
        )""",
    )[0]
    assert seen.drawn("own", "of 252 closes", "y") == pytest.approx(below, abs=1e-4)
    assert seen.drawn("own", "of 252 closes", "x") == [0.05, 0.25, 0.5, 0.75, 0.95]
    moved = seen.drawn("width", "inside", "y") + seen.drawn("width", "outside", "y")
    assert sorted(moved) == pytest.approx(sorted(np.abs(error)), abs=0.006)


def test_fewer_sessions_can_be_looked_at(seen: Seen) -> None:
    days = seen.drawn("closes", "predicted", "x")
    assert len(days) == 253
    for count in (63, 126):
        seen.page.locator("#span").select_option(str(count))
        until(lambda: len(seen.drawn("closes", "predicted", "x")) < 253, "fewer sessions")
        assert seen.drawn("closes", "predicted", "x") == days[-count - 1 :]
        seen.page.locator("#span").select_option("252")
        until(lambda: len(seen.drawn("closes", "predicted", "x")) == 253, "all of them")


def test_a_click_on_a_heading_sorts(seen: Seen) -> None:
    heading = seen.page.get_by_role("columnheader", name="Pinball skill").first
    button = heading.get_by_role("button")
    place = (
        "[...document.querySelectorAll('#table tbody tr')].map(row => Number(row.cells[10].dataset.value))"
    )
    for direction, order in (("descending", -1), ("ascending", 1)):
        button.click()
        expect(heading).to_have_attribute("aria-sort", direction)
        values = seen.ask(place)
        assert values == sorted(values, key=lambda value: order * value)
        assert len(set(values)) == 5
    seen.page.get_by_role("columnheader", name="Ticker").get_by_role("button").click()
    assert seen.tickers == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert seen.page.locator("#table th[aria-sort='none']").count() == 15


def test_tickers_are_found_and_filtered(seen: Seen) -> None:
    seen.page.get_by_label("Find").fill(" oo")
    assert seen.tickers == ["GOOG"]
    expect(seen.page.get_by_role("status").first).to_have_text("1 of 5")
    seen.page.get_by_label("Find").fill("nobody")
    assert seen.tickers == []
    seen.page.get_by_label("Find").fill("")
    better = {
        name
        for name in seen.tickers
        if seen.ask(
            f"Number(document.querySelector('[data-value={name}]').parentElement.cells[10].dataset.value)"
        )
        > 0
    }
    seen.page.get_by_label("Show").select_option("better")
    assert set(seen.tickers) == better
    seen.page.get_by_label("Show").select_option("worse")
    assert set(seen.tickers) == {"AAPL", "FB", "GOOG", "IBM", "MSFT"} - better
    seen.page.get_by_label("Show").select_option("noted")
    assert len(seen.tickers) == 5


def test_everything_can_be_done_with_the_keyboard(seen: Seen) -> None:
    keyboard = seen.page.keyboard
    keyboard.press("/")
    keyboard.type("m")
    assert seen.tickers == ["IBM", "MSFT"]
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Tab")
    # Of the table, all headings and one ticker are stops of the tab key.
    stops = seen.ask("[...document.querySelectorAll('.pick')].filter(pick => pick.tabIndex === 0).length")
    assert stops == 1
    seen.page.locator(".pick[tabindex='0']").focus()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(seen.page.locator("#name")).to_have_text("MSFT")
    expect(seen.page.locator("#name")).to_be_focused()
    seen.page.wait_for_selector("#ticker[data-drawn='MSFT']")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(seen.page.locator("#name")).to_have_text("IBM")
    assert seen.page.url.endswith("#ticker=IBM")


def test_an_address_can_name_a_ticker(desktop: Seen, few_page: Path) -> None:
    for mark, ticker in (("#ticker=GOOG", "GOOG"), ("#ticker=%", "AAPL"), ("#nothing", "AAPL")):
        desktop.open(few_page, mark)
        expect(desktop.page.locator("#name")).to_have_text(ticker)
        assert desktop.lines == []


def test_addresses_and_the_way_back_lead_to_tickers(seen: Seen) -> None:
    name = seen.page.locator("#name")
    seen.page.get_by_role("button", name="GOOG", exact=True).click()
    seen.ask("location.hash = '#ticker=MSFT'")
    expect(name).to_have_text("MSFT")
    seen.page.go_back()
    expect(name).to_have_text("GOOG")
    seen.page.go_forward()
    expect(name).to_have_text("MSFT")
    seen.ask("location.hash = '#ticker=NONE'")
    expect(seen.page.locator("#trouble")).to_have_text("this report has no such ticker")
    expect(name).to_have_text("MSFT")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_stand_out(desktop: Seen, few_page: Path, scheme: str) -> None:
    desktop.open(few_page, scheme=scheme)

    def luminance(name: str) -> float:
        """W3C, Web Content Accessibility Guidelines 2.1, relative luminance."""
        shown = f"getComputedStyle(document.documentElement).getPropertyValue('{name}').trim()"
        value = desktop.ask(shown)[1:]
        wide = "".join(2 * sign for sign in value) if len(value) == 3 else value
        parts = np.array([int(wide[at : at + 2], 16) / 255 for at in (0, 2, 4)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for back in ("--paper", "--card"):
        for fore, least in (("--ink", 7), ("--soft", 4.5), ("--forecast", 4.5), ("--actual", 3)):
            light, dark = sorted([luminance(fore), luminance(back)], reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, (scheme, fore, back)


def test_hostile_names_are_text(desktop: Seen, tmp_path: Path) -> None:
    path = write_latest_report(ledger(tmp_path / "warehouse", NASTY, 5))
    desktop.open(path)
    assert desktop.tickers == sorted(NASTY)
    for name in desktop.tickers:
        desktop.ask(f"[...document.querySelectorAll('.pick')][{desktop.tickers.index(name)}].click()")
        expect(desktop.page.locator("#name")).to_have_text(name)
    desktop.page.locator("#skill .nsewdrag").hover()
    assert desktop.ask("document.querySelectorAll('img, iframe, object, svg a').length") == 0
    assert desktop.page.title().startswith("Forecasts as of")
    assert desktop.lines == []
    # Even a script that came into the page would not run.
    desktop.ask(
        "const made = document.createElement('script'); made.text = 'document.title = 1'; "
        "document.head.append(made)"
    )
    assert desktop.page.title().startswith("Forecasts as of")
    assert "Content Security Policy" in desktop.lines[0]


def test_what_is_missing_is_said(desktop: Seen, few_page: Path, tmp_path: Path) -> None:
    # A copy of the folder is whole.
    copy = shutil.copytree(few_page.parent, tmp_path / "sent")
    desktop.open(copy / "index.html")
    assert desktop.lines == []
    library = next(copy.glob("plotly*"))
    library.rename(tmp_path / "elsewhere")
    desktop.page.goto((copy / "index.html").as_uri())
    expect(desktop.page.locator("#trouble")).to_contain_text("next to this page")
    assert len(desktop.tickers) == 5
    (tmp_path / "elsewhere").rename(library)
    shutil.rmtree(next(copy.glob("series-*")))
    desktop.page.goto((copy / "index.html").as_uri())
    expect(desktop.page.locator("#trouble")).to_contain_text("load the page again")
    assert len(desktop.tickers) == 5


def test_a_first_night_and_one_without_forecasts_can_be_opened(desktop: Seen, tmp_path: Path) -> None:
    first = write_latest_report(ledger(tmp_path / "first", ("AAPL",), 0))
    desktop.open(first)
    assert desktop.drawn("closes", "predicted", "x") == ["2013-03-04"]
    assert desktop.lines == []
