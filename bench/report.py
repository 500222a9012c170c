"""Time the report of 500 tickers: writing it, its size, and opening it in a browser from disk."""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.sql import Limited, make, timed
from stockjax.reporting.report import write_latest_report
from tests.support.browser import found_browser

PAINTED = (
    "performance.getEntriesByType('paint').find(entry => entry.name === 'first-contentful-paint').startTime"
)


def opened(page: Path, times: int) -> dict[str, list[float]]:
    """Seconds until the page can be read, until its first charts, and until all is drawn."""
    found: dict[str, list[float]] = {"it can be read": [], "its first charts": [], "all charts": []}
    path = found_browser()
    if not path:
        return {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(times):
            inference_windows = browser.new_context(viewport={"width": 1280, "height": 900})
            tab = inference_windows.new_page()
            begun = time.perf_counter()
            tab.goto(page.as_uri(), wait_until="commit")
            tab.wait_for_selector("html[data-ready]")
            found["its first charts"].append(time.perf_counter() - begun)
            tab.wait_for_selector("#ticker[data-drawn]")
            found["all charts"].append(time.perf_counter() - begun)
            found["it can be read"].append(tab.evaluate(PAINTED) / 1000)
            inference_windows.close()
        browser.close()
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=750)
    parser.add_argument("--times", type=int, default=7, help="how often it is opened")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        warehouse = Limited(Path(name))
        make(warehouse, asked.tickers, asked.sessions, 504)
        warehouse._publish()
        spent = timed(lambda: write_latest_report(warehouse))
        page = write_latest_report(warehouse)
        files = [path for path in page.parent.rglob("*") if path.is_file()]
        table = Table(title=f"A report of {asked.tickers} tickers")
        table.add_column("what")
        table.add_column("figure", justify="right")
        table.add_row("writing it", f"{spent:.1f} s")
        size = sum(path.stat().st_size for path in files) / 1e6
        table.add_row(f"{len(files)} files, the chart library among them", f"{size:.2f} MB")
        for what, seconds in opened(page, asked.times).items():
            lines = f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
            table.add_row(f"from opening it to {what}", lines)
        Console().print(table)


if __name__ == "__main__":
    main()
