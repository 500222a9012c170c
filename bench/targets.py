"""Fill the table of what nights may cost: one command, every figure next to its target (about half an hour).

Run by the Python of `.venv-peers`, which has stockjax and the libraries that it is compared with.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

from limit import matrix_peak, operations_of_a_ticker, prepared, stages_of
from night_500 import server, write_prices
from rich.console import Console
from rich.table import Table
from sql import FORECASTS, TOGETHER
from timing import Timed, environment_in, run_command, run_stockjax

from stockjax.features import feature_names
from stockjax.settings import load_settings
from stockjax.training.ticker_model import recipe
from stockjax.warehouse import Warehouse

SESSIONS = 4540
BASE_SESSIONS = 3780
LEDGERS = (300, 2500)
STOCKJAX = str(Path(sys.executable).with_name("stockjax"))
PLAIN = [sys.executable, str(Path(__file__).with_name("plain_night.py"))]

Row = tuple[str, str, str]
"""What is measured, its target and its figure."""


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own, whose memory goes with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


class Nights:
    """Nights of a made-up universe, everything in one folder."""

    def __init__(self, folder: Path, tickers: int) -> None:
        self.folder = folder
        prices = folder / "prices.parquet"
        self.days = [str(day) for day in apart(write_prices, prices, tickers, SESSIONS)[-3:]]
        self.settings = {
            "STOCKJAX_SOURCE": "files",
            "STOCKJAX_PATH": str(prices),
            "STOCKJAX_WARMUP__SESSIONS": "0",
        }
        at = {"STOCKJAX_WAREHOUSE": str(folder / "compiled")}
        run_command([STOCKJAX, "run"], folder, environment_in(folder, **at))

    def night(self, place: int, command: list[str], warehouse: str = "warehouse", address: str = "") -> Timed:
        """The last night of the prices (-1), or one before it."""
        served = {"PREFECT_API_URL": address} if address else {}
        at = {"STOCKJAX_WAREHOUSE": str(self.folder / warehouse)}
        command = [*command, "--as-of", self.days[place]]
        return run_command(command, self.folder, environment_in(self.folder, **self.settings, **at, **served))

    def forget_file(self) -> None:
        """Have the file read as the new one of another day."""
        shutil.rmtree(self.folder / "cache" / "prices")

    def copied(self, name: str) -> Path:
        """Copy the warehouse."""
        return Path(shutil.copytree(self.folder / "warehouse", self.folder / name))

    def size(self) -> float:
        """GB of the database."""
        return (self.folder / "warehouse" / "stockjax.duckdb").stat().st_size / 1e9


def of_peers() -> list[Row]:
    """One ticker, ours and theirs."""
    # Here: a process counts the memory of the one that started it, and the peers take a gigabyte.
    from peer_speed import speeds  # noqa: PLC0415

    found = speeds(120, 4500)
    ours = found["stockjax, full"].each
    rows = [
        ("NeuralForecast per ticker, its own size", "≥ 500 ×", "NeuralForecast, one fit per ticker"),
        ("NeuralForecast per ticker, at our size", "≥ 50 ×", "the same, one layer of 16"),
        ("GARCH(1,1)-t of arch", "> 1 ×", "GARCH(1,1)-t, arch"),
    ]
    return [(f"`full` against {what}", aim, f"{found[name].each / ours:.1f} ×") for what, aim, name in rows]


def of_main_job(folder: Path) -> list[Row]:
    """The main job on the sample."""
    cold, again = (run_stockjax(["run"], folder).seconds for _ in range(2))
    return [
        ("main job, nothing compiled", "≤ 25 s", f"{cold:.0f} s"),
        ("main job, again", "≤ 10 s", f"{again:.0f} s"),
    ]


def of_nights(folder: Path, tickers: int) -> tuple[list[Row], float]:
    """A second night, and its seconds; of few tickers also without Prefect."""
    nights, few = Nights(folder, tickers), tickers <= 1000
    nights.night(-2, [STOCKJAX, "run"])
    nights.forget_file()
    if few:
        plain = nights.copied("plain")
    with server(folder) if few else nullcontext("") as address:
        second = nights.night(-1, [STOCKJAX, "run"], address=address)
    aims = ("≤ 45 s, ≤ 2 GB", "") if few else ("≤ 240 s, ≤ 6 GB", "≤ 3 ×")
    rows = [
        (f"second night of {tickers:,}", aims[0], f"{second.seconds:.0f} s, {second.memory:.1f} GB"),
        ("bytes written in it, over the database", aims[1], f"{second.written / nights.size():.1f} ×"),
    ]
    if few:
        nights.forget_file()
        alone = nights.night(-1, PLAIN, plain.name)
        rows.append(("Prefect's share of it", "≤ 15%", f"{1 - alone.seconds / second.seconds:.0%}"))
    return rows, second.seconds


def fill_ledger(folder: Path, sessions: int) -> None:
    """Make up forecasts of the sessions before the last one, as nights would have written them."""
    warehouse = Warehouse(folder)
    with warehouse.write() as connection:
        connection.execute(
            "CREATE TEMP TABLE days AS SELECT session, row_number() OVER (ORDER BY session) AS place "
            "FROM (SELECT DISTINCT session FROM prices)"
        )
        (last,) = connection.execute("SELECT max(place) FROM days").fetchall()[0]
        for first in range(last - sessions, last, TOGETHER):
            connection.execute(FORECASTS, {"first": first, "last": min(first + TOGETHER, last)})


def of_ledger(folder: Path, tickers: int = 500) -> list[Row]:
    """A night with little and with much ledger behind it; another night before it scores all of that."""
    nights = Nights(folder, tickers)
    nights.night(-3, [STOCKJAX, "run"])
    seconds = {}
    for sessions in (0, *LEDGERS):
        place = nights.copied(f"ledger-{sessions}")
        if sessions:
            apart(fill_ledger, place, sessions)
        nights.night(-2, [STOCKJAX, "run"], place.name)
        seconds[sessions] = nights.night(-1, [STOCKJAX, "run"], place.name).seconds
        shutil.rmtree(place)
    year, decade = LEDGERS
    night = f"a night of {tickers} with {decade:,} sessions of ledger"
    return [
        (f"{night}, over one with {year}", "≤ 1.05", f"{seconds[decade] / seconds[year]:.2f}"),
        (f"{night}, over one with 2", "≤ 1.05", f"{seconds[decade] / seconds[0]:.2f}"),
    ]


def base_and_share(folder: Path) -> tuple[float, float]:
    """Seconds of a new base of 500 tickers × 15 years, and the share of the peak that tickers reach."""
    settings, first, _ = prepared(folder, 500, BASE_SESSIONS)
    peak = matrix_peak()
    stages, trained = stages_of(settings, first)
    training = load_settings().training
    operations = operations_of_a_ticker(
        len(feature_names()), training.hidden, training.seeds, recipe(training).steps
    )
    return (
        stages.seconds["train the base"],
        trained * operations / stages.seconds["train tickers"] / peak,
    )


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=3000, help="tickers of the larger universe")
    most = parser.parse_args().most
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        places = [Path(name) / part for part in ("job", "few", "many", "ledger", "base")]
        for place in places:
            place.mkdir()
        job, few, many, ledger, base = places
        rows += apart(of_peers)
        rows += of_main_job(job)
        small, seconds = of_nights(few, 500)
        shutil.rmtree(few)
        large, more = of_nights(many, most)
        shutil.rmtree(many)
        past = of_ledger(ledger)
        shutil.rmtree(ledger)
        further = (more - seconds) / (most - 500) / (seconds / 500)
        rows += [
            *small,
            *large,
            *past,
            ("seconds of a further ticker, over those at 500", "≤ 1.1", f"{further:.2f}"),
        ]
        trained, share = apart(base_and_share, base)
        rows += [
            ("a new base of 500 tickers × 15 years", "≤ 60 s", f"{trained:.0f} s"),
            ("training's share of the matrix peak", "≥ 30%", f"{share:.0%}"),
        ]
    table = Table(title=f"What nights cost, {date.today()}, {os.cpu_count()} cores, {SESSIONS:,} sessions")
    for heading in ("what", "target", "measured"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
