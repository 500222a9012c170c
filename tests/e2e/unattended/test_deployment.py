"""A night of the deployment, as it goes by itself: a server, a worker, and someone who looks at the UI."""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as BrowserTimeoutError

from tests.e2e.unattended.conftest import ALERTS
from tests.support import browser as browsing
from tests.support.browser import NO_BROWSER, browser, pictures_folder
from tests.support.served import (
    MODELS,
    PREFECT,
    PYTHON,
    SAMPLE,
    Receiver,
    Server,
    process_of,
    rows,
    until,
)

NAME = "forecast 2013-03-01 · 5 tickers"
MESSAGE = "5 of 5 tickers forecast for 2013-03-04"
TRAINED = ["AAPL", "GOOG", "IBM", "MSFT"]
STEPS = [
    "plan",
    "ingest",
    "resolve universe",
    "warm-up backtest",
    "load champions",
    "train base",
    "forecast",
    "score",
    "report",
]


@dataclass(frozen=True)
class Watched:
    """A run of the deployment that someone has watched to its end, and a second one meanwhile."""

    code: int
    printed: str
    run: dict[str, Any]
    second: dict[str, Any]
    second_took: float

    @property
    def run_id(self) -> str:
        return str(self.run["id"])


@pytest.fixture(scope="module")
def night(worker: Server) -> Watched:
    """`prefect deployment run forecast/daily --watch`, and another run while it is at work."""
    watching = worker.begin(
        "watching",
        PREFECT,
        *("deployment", "run", "forecast/daily", "--watch", "--watch-timeout", "300"),
        *("--param", "as_of=2013-03-01", "--param", f"tickers={json.dumps(SAMPLE)}"),
    )
    try:
        (first,) = until(worker.at_work, "a run at work")
        process = process_of(first["id"])
        # Held in its work, however long the other takes to load its libraries.
        os.kill(process, signal.SIGSTOP)
        begun = time.monotonic()
        second = worker.begin_run("daily")
        ended = until(lambda: worker.ended(second), "the end of the second run")
        took = time.monotonic() - begun
        os.kill(process, signal.SIGCONT)
        code = watching.wait()
    finally:
        watching.kill()
    return Watched(code, watching.said, worker.get(f"flow_runs/{first['id']}"), ended, took)


def artifact(server: Server, night: Watched, key: str) -> dict[str, Any]:
    (found,) = [each for each in server.of_run("artifacts", night.run_id) if each["key"] == key]
    return found


def test_who_watches_is_reported_of_the_end(night: Watched) -> None:
    assert night.code == 0, night.printed
    assert "'Completed'" in night.printed
    assert (night.run["state_type"], night.run["state"]["message"]) == ("COMPLETED", MESSAGE)
    assert night.run["name"] == NAME
    assert night.run["parameters"]["as_of"] == "2013-03-01"


def test_a_second_run_is_cancelled_within_seconds(night: Watched) -> None:
    assert night.second["state_type"] == "CANCELLED"
    assert "concurrency limit" in night.second["state"]["message"]
    assert night.second_took < 60


def test_the_forecasts_are_in_the_warehouse(worker: Server, night: Watched) -> None:
    found = rows(worker.warehouse, "SELECT ticker, model FROM latest_forecasts ORDER BY ALL")
    assert found == [(ticker, model) for ticker in SAMPLE for model in MODELS]
    # Of the second run, which was cancelled, there is no row; other tests have runs of their own here.
    both = f"('{night.run_id}', '{night.second['id']}')"
    ours = f"SELECT status, flow_run_id FROM runs WHERE flow_run_id IN {both}"
    assert rows(worker.warehouse, ours) == [("completed", night.run_id)]


def test_tasks_are_named_after_what_they_do(worker: Server, night: Watched) -> None:
    def ended() -> list[str]:
        tasks = worker.of_run("task_runs", night.run_id)
        names = [str(task["name"]) for task in tasks]
        complete = all(task["state_type"] == "COMPLETED" for task in tasks)
        return names if complete and set(STEPS) < set(names) else []

    # The server writes down what tasks report in batches.
    names = until(ended, "the end of all tasks", timeout=60)
    assert {name for name in names if name.startswith("train ")} == {
        "train base",
        *(f"train {ticker}" for ticker in TRAINED),
    }
    assert len(names) == len(set(names))


def test_the_digest_of_the_night_is_an_artifact(worker: Server, night: Watched) -> None:
    digest = artifact(worker, night, "night")
    assert (digest["type"], digest["description"]) == ("markdown", "Forecasts as of 2013-03-01")
    text: str = digest["data"]
    assert MESSAGE in text
    assert "## Next session" in text
    assert "## How far off the last 63 sessions were" in text
    assert "- rows stored: 12154" in text
    assert "## Not as it should be" not in text
    assert f"The whole report: `{worker.warehouse}/reports/2013-03-01/index.html`" in text
    close = dict(
        rows(worker.warehouse, "SELECT ticker, basis_close FROM latest_forecasts WHERE model = 'lstm'")
    )
    for ticker in SAMPLE:
        assert f"| {ticker} | 2013-03-04 | {close[ticker]:.2f} |" in text
        assert text.count(f"![{ticker}](data:image/png;base64,") == 1


def test_the_forecasts_of_all_models_are_a_table(worker: Server, night: Watched) -> None:
    table = artifact(worker, night, "forecasts")
    assert table["type"] == "table"
    shown = {(row["ticker"], row["model"]): row for row in json.loads(table["data"])}
    assert sorted(shown) == [(ticker, model) for ticker in SAMPLE for model in MODELS]
    stored = rows(worker.warehouse, "SELECT ticker, model, predicted_close, q05, q95 FROM latest_forecasts")
    for ticker, model, *numbers in stored:
        row = shown[ticker, model]
        assert [row["predicted_close"], row["q05"], row["q95"]] == pytest.approx(numbers, abs=1e-4)
        assert (row["as_of"], row["target"]) == ("2013-03-01", "2013-03-04")


def test_backtest_and_training_have_bars_that_are_full(worker: Server, night: Watched) -> None:
    bars = [each for each in worker.of_run("artifacts", night.run_id) if each["type"] == "progress"]
    assert {bar["description"]: bar["data"] for bar in bars} == {
        "warm-up backtest": 100,
        "training 4 tickers": 100,
    }


def test_a_quiet_night_tells_no_one(receiver: Receiver, night: Watched) -> None:
    assert receiver.about(night.run_id) == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("daily", {"as_of", "tickers", "source", "path", "warehouse", "events", "exchanges"}),
        ("before-asia", {"as_of", "tickers", "source", "path", "warehouse", "events", "exchanges"}),
        ("weekly", {"as_of", "trials", "tickers", "source", "path", "warehouse", "events"}),
        ("walk-forward", {"first", "last", "tickers", "source", "path", "warehouse", "events"}),
    ],
)
def test_the_form_of_a_deployment_describes_every_parameter(
    worker: Server, name: str, parameters: set[str]
) -> None:
    described = worker.deployment(name)["parameter_openapi_schema"]["properties"]
    assert set(described) == parameters
    assert {key for key, lines in described.items() if not lines.get("description")} == set()


def test_the_night_comes_on_weekdays_the_search_on_saturdays_and_each_alone(worker: Server) -> None:
    for name, slug, cron in (
        ("daily", "after-the-close", "0 18 * * 1-5"),
        ("weekly", "saturday-morning", "0 9 * * 6"),
    ):
        (schedule,) = worker.deployment(name)["schedules"]
        assert (schedule["active"], schedule["slug"]) == (True, slug)
        assert schedule["schedule"]["cron"] == cron
        assert schedule["schedule"]["timezone"] == "America/New_York"
    assert worker.deployment("walk-forward")["schedules"] == []
    for name in ("daily", "weekly", "walk-forward"):
        found = worker.deployment(name)
        assert found["global_concurrency_limit"]["limit"] == 1
        assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
        assert found["description"]
        assert (found["work_pool_name"], found["status"]) == ("local", "READY")


def lines(server: Server) -> dict[str, Any]:
    """What `make worker` has made, without when it was last looked at."""
    changing = {"updated", "last_polled", "status", "active_slots"}

    def lasting(found: Any) -> Any:
        if isinstance(found, dict):
            return {name: lasting(value) for name, value in found.items() if name not in changing}
        return found

    deployments = sorted(server.post("deployments/filter"), key=lambda each: str(each["name"]))
    for each in deployments:
        each["schedules"] = [
            {name: schedule[name] for name in ("slug", "active", "schedule")}
            for schedule in each["schedules"]
        ]
        each["global_concurrency_limit"].pop("updated")
    return {
        "pool": lasting(server.get("work_pools/local")),
        "deployments": [lasting(each) for each in deployments],
        # Whole: one that is updated forgets whom it is watching.
        "automations": server.post("automations/filter"),
    }


@pytest.fixture
def switched(worker: Server) -> Iterator[Server]:
    """The server after someone has used the switches of schedules in the UI."""
    worker.switch("weekly", active=False)
    worker.switch("before-asia", active=True)
    yield worker
    worker.switch("weekly", active=True)
    worker.switch("before-asia", active=False)


def test_set_up_again_nothing_changes(switched: Server) -> None:
    before = lines(switched)
    again = switched.begin("again", PYTHON, "-m", "flows.worker", **ALERTS)
    try:
        again.wait_to_say("deployed: ")
    finally:
        again.kill()
    assert lines(switched) == before
    assert len(before["automations"]) == 1
    assert [(each["name"], each["paused"]) for each in before["deployments"]] == [
        (name, True) for name in ("before-asia", "daily", "walk-forward", "weekly")
    ]
    for line in (
        "the deployment 'daily' stays paused, as set in the UI",
        "the schedule 'saturday-morning' of 'weekly' stays inactive, as set in the UI",
        "the schedule 'after-the-close-in-asia' of 'before-asia' stays active, as set in the UI",
    ):
        assert line in again.said


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A browser without a window."""
    path = browser()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=120_000)
        # High enough for a whole digest: the UI scrolls inside its page.
        page = chromium.new_page(viewport={"width": 1400, "height": 3000})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield page
        chromium.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what a person saw is kept."""
    return pictures_folder(tmp_path_factory)


def open_tab(page: Page, name: str, text: str) -> None:
    """Open a tab of a run's page, which stays empty where the server was too busy to answer it."""

    def shown() -> bool:
        page.get_by_text(name, exact=True).click()
        try:
            page.get_by_text(text, exact=True).first.wait_for(timeout=15_000)
        except BrowserTimeoutError:
            page.reload()
            return False
        return True

    until(shown, f"'{text}' in the tab {name}", timeout=120)


def test_the_page_of_the_run_shows_how_it_went(
    worker: Server, night: Watched, page: Page, pictures: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{worker.url}/runs/flow-run/{night.run_id}")
    expect(page.get_by_text(NAME, exact=True).first).to_be_visible()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()
    expect(page.get_by_text("20 forecasts written from 2013-03-01", exact=True)).to_be_visible()
    page.screenshot(path=pictures / "run.png")
    expect(page.get_by_text("Finished in state Completed()", exact=True)).to_have_count(0)
    open_tab(page, "Task Runs", f"train {TRAINED[0]}")
    for ticker in TRAINED:
        task = page.locator(".state-list-item").filter(has=page.get_by_text(f"train {ticker}", exact=True))
        expect(task).to_be_visible()
        expect(task).to_contain_text("Completed")
    page.screenshot(path=pictures / "tasks.png")
    open_tab(page, "Artifacts", "night")
    for key in ("night", "forecasts", "report"):
        expect(page.get_by_text(key, exact=True).first).to_be_visible()
    page.screenshot(path=pictures / "artifacts.png")
    assert [url for url in asked if not url.startswith((worker.url, "data:", "blob:"))] == []


def test_the_digest_shows_tables_and_charts(
    worker: Server, night: Watched, page: Page, pictures: Path
) -> None:
    page.goto(f"{worker.url}/artifacts/artifact/{artifact(worker, night, 'night')['id']}")
    expect(page.get_by_text(MESSAGE, exact=True).first).to_be_visible()
    charts = page.locator("img[src^='data:image/png']")
    expect(charts).to_have_count(len(SAMPLE))
    page.wait_for_function("[...document.images].every(image => image.complete)")
    sizes = charts.evaluate_all(
        "all => all.map(image => [image.alt, image.naturalWidth, image.naturalHeight])"
    )
    assert [alt for alt, *_ in sizes] == SAMPLE
    assert all(width > 500 and height > 200 for _, width, height in sizes)
    forecasts, scores = page.get_by_role("table").all()
    for table in (forecasts, scores):
        assert [line.split()[0] for line in table.get_by_role("row").all_inner_texts()] == ["ticker", *SAMPLE]
    expect(forecasts.get_by_role("row").nth(1)).to_contain_text("2013-03-04")
    expect(forecasts.get_by_role("row").nth(1)).to_contain_text("…")
    expect(page.get_by_text("checks: adjusted_close_jump 1", exact=True)).to_be_visible()
    page.screenshot(path=pictures / "night.png")


@pytest.mark.parametrize(("ci", "ends"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_a_browser_one_sentence_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, ends: type[BaseException]
) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(browsing, "_run", lambda *command: commands.append(command))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    assert "\n" not in NO_BROWSER
    with pytest.raises(ends, match="apt-get install chromium"):
        browser()
    assert commands == [(sys.executable, "-m", "playwright", "install", "chromium")]


def test_a_browser_of_playwright_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    program = tmp_path / "chromium-1200" / "chrome-linux" / "chrome"
    program.parent.mkdir(parents=True)
    program.touch()
    assert browser() == str(program)


def test_a_run_whose_process_dies_has_crashed_and_someone_is_reported(
    worker: Server, receiver: Receiver, night: Watched
) -> None:
    del night
    run_id = worker.begin_run("daily")
    ours = f"SELECT status FROM runs WHERE flow_run_id = '{run_id}'"
    until(lambda: rows(worker.warehouse, ours) == [("running",)], "a run at work")
    os.kill(process_of(run_id), signal.SIGKILL)
    died = time.monotonic()
    crashed = until(lambda: worker.ended(run_id), "the end of the run")
    assert crashed["state_type"] == "CRASHED"
    assert time.monotonic() - died < 30
    (message,) = until(lambda: receiver.about(run_id), "an alert")
    assert message["subject"] == "stockjax: forecast Crashed"
    # What failed, why, what to do, and where to look.
    assert NAME in message["body"]
    assert "SIGKILL" in message["body"]
    assert "prefect deployment run forecast/daily" in message["body"]
    assert f"{worker.url}/runs/flow-run/{run_id}" in message["body"]


def test_no_record_of_a_run_was_lost_to_a_lock(worker: Server, night: Watched) -> None:
    del night
    entries = re.split(r"^(?=\d\d:\d\d:\d\d\.\d{3} \|)", worker.log, flags=re.MULTILINE)
    locked = [entry for entry in entries if "database is locked" in entry]
    # Where Prefect reads before it writes, SQLite cannot wait for a writer that came in between:
    # an automation's event is taken again, and the next heartbeat of a worker comes in seconds.
    assert [entry for entry in locked if "task_run_recorder" in entry or "event_persister" in entry] == []
