"""Time a first and a second night of many synthetic tickers, the second also without Prefect."""

import argparse
import multiprocessing
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from timing import environment_in, run_command, run_stockjax

from flows.local_server import answers
from stockjax.sessions import exchange
from stockjax.sources.sample import SampleSource
from stockjax.warehouse import Warehouse
from stockjax.warehouse.query import query

BLOCK = 20
GROWING = {
    "database": "warehouse/stockjax.duckdb",
    "models": "warehouse/models/**/*.safetensors",
    "pages": "warehouse/reports/*/index.html",
    "their series": "warehouse/reports/*/series-*/*.js",
    "Prefect": "prefect.db*",
}


def synthetic_prices(tickers: int, sessions: int) -> pd.DataFrame:
    """Histories stitched from blocks of the sample's days; good for speed and nothing else."""
    real = SampleSource().load().prices
    real = real[real["ticker"].isin(["AAPL", "IBM", "MSFT"])].reset_index(drop=True)
    days = exchange("XNYS").sessions(date(1995, 1, 1), date(2013, 3, 1))[-sessions:]
    random = np.random.default_rng(0)
    close = real["adj_close"].to_numpy()
    factor = np.concatenate([[1.0], close[1:] / close[:-1]])
    factor[real["ticker"].ne(real["ticker"].shift()).to_numpy()] = 1.0
    relative = {name: (real[name] / real["close"]).to_numpy() for name in ("open", "high", "low")}
    frames = []
    for number in range(tickers):
        starts = random.integers(0, len(real) - BLOCK, size=-(-sessions // BLOCK))
        drawn = (starts[:, None] + np.arange(BLOCK)).ravel()[:sessions]
        closes = 50 * np.cumprod(np.clip(factor[drawn], 0.8, 1.25))
        frame = pd.DataFrame({"ticker": f"S{number:04d}", "date": days, "close": closes, "adj_close": closes})
        for name, ratio in relative.items():
            frame[name] = closes * ratio[drawn]
        frame["volume"] = real["volume"].to_numpy()[drawn]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def write_prices(path: Path, tickers: int, sessions: int) -> list[np.datetime64]:
    """Write such histories to a file; returns its sessions."""
    prices = synthetic_prices(tickers, sessions)
    prices.to_parquet(path, index=False)
    return [np.datetime64(day, "D") for day in sorted(prices["date"].unique())]


@contextmanager
def asking(folder: Path) -> Iterator[list[float]]:
    """Ask the readers' copy over and over while a run is writing; seconds of every answer."""
    warehouse, done = Warehouse(folder / "warehouse"), threading.Event()
    seconds: list[float] = []

    def ask() -> None:
        while not done.wait(1.0):
            before = time.perf_counter()
            query(warehouse, "SELECT count(*) FROM latest_forecasts WHERE model = 'lstm'", timeout=30)
            seconds.append(time.perf_counter() - before)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(ask)
        try:
            yield seconds
        finally:
            done.set()


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A Prefect server as `make server` starts it; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    command = [str(Path(sys.executable).with_name("prefect")), "server", "start", "--port", str(port)]
    with (folder / "server.txt").open("w") as log:
        process = subprocess.Popen(command, env=environment_in(folder), stdout=log, stderr=log)
        try:
            while not answers(address):
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()
            process.wait()


def size_of(folder: Path, pattern: str) -> float:
    """Megabytes of all files that match."""
    return sum(file.stat().st_size for file in folder.rglob(pattern)) / 1e6


def main() -> None:
    """Print one line per night."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=2520)
    asked = parser.parse_args()
    table = Table(title=f"{asked.tickers} tickers × {asked.sessions} sessions, Prefect included")
    for heading in ("night", "seconds", "peak GB"):
        table.add_column(heading, justify="left" if heading == "night" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: on Linux, what is started later counts this one's memory as its own.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            made = apart.submit(write_prices, folder / "prices.parquet", asked.tickers, asked.sessions)
            first, second = map(str, made.result()[-2:])
        run_stockjax(["run"], folder, STOCKJAX_WAREHOUSE=str(folder / "warm"))
        prices_at = {"STOCKJAX_SOURCE": "files", "STOCKJAX_PATH": str(folder / "prices.parquet")}
        settings = {**prices_at, "STOCKJAX_WARMUP__SESSIONS": "0"}
        timed = run_stockjax(["run", "--as-of", first], folder, **settings)
        table.add_row("first: everything is loaded, no replay", f"{timed.seconds:.1f}", f"{timed.memory:.2f}")
        for copy in ("plain", "served"):
            shutil.copytree(folder / "warehouse", folder / copy)
        before = {name: size_of(folder, pattern) for name, pattern in GROWING.items()}
        with asking(folder) as asked_meanwhile:
            timed = run_stockjax(["run", "--as-of", second], folder, **settings)
        table.add_row("second", f"{timed.seconds:.1f}", f"{timed.memory:.2f}")
        growth = {name: size_of(folder, pattern) - before[name] for name, pattern in GROWING.items()}
        with server(folder) as address:
            served = {"PREFECT_API_URL": address, "STOCKJAX_WAREHOUSE": str(folder / "served")}
            others = run_stockjax(["run", "--as-of", second], folder, **settings, **served)
        table.add_row("the second next to a running server", f"{others.seconds:.1f}", "")
        plain = environment_in(folder, **settings) | {"STOCKJAX_WAREHOUSE": str(folder / "plain")}
        command = [sys.executable, str(Path(__file__).with_name("plain_night.py")), "--as-of", second]
        alone = run_command(command, folder, plain)
        table.add_row("the second without Prefect", f"{alone.seconds:.1f}", "")
        locked = (folder / "log.txt").read_text().count("database is locked")
        grown = [f"{name} {size:.0f} MB" for name, size in growth.items()]
        table.caption = (
            f"growth in the second night: {', '.join(grown)}; "
            f"Prefect's share next to a running server {1 - alone.seconds / others.seconds:.0%}, "
            f"'database is locked' {locked} times; "
            f"{len(asked_meanwhile)} queries meanwhile, the slowest {max(asked_meanwhile):.2f} s"
        )
        Console().print(table)


if __name__ == "__main__":
    main()
