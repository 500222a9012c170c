"""Time ingest: a loopback vendor's first load and increment, and the upsert into a large warehouse."""

import argparse
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from stockjax.sessions import exchange
from stockjax.settings import load_settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.prices import store_prices
from tests.support.runs import RunDriver
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

LAST, NEXT = date(2024, 6, 27), date(2024, 6, 28)
NOTHING = pd.DataFrame(
    {name: pd.Series(dtype=str) for name in ("ticker", "reason", "severity", "row")}
).assign(session=pd.Series(dtype="datetime64[s]"))


def serve(tickers: int, first: date, pipe: Connection) -> None:
    """The vendor, in a process of its own so that its work is not counted as the client's."""
    with YahooServer() as server:
        for number in range(tickers):
            server.listings[f"S{number:04d}"] = made_up_listing(number, first, NEXT)
        server.set_today(LAST)
        server.prepare()
        pipe.send(server.base_url)
        while (asked := pipe.recv()) is not None:
            if isinstance(asked, date):
                server.set_today(asked)
            pipe.send(server.chart_requests())


@dataclass(frozen=True)
class Fetched:
    """One ingest: wall and client's processor seconds, and requests."""

    seconds: float
    processor: float
    requests: int


def fetch(base_url: str, folder: Path, tickers: int, evening: date, pipe: Connection) -> Fetched:
    """One night's ingest against the vendor, without a limit."""
    settings = load_settings(
        source="yahoo",
        warehouse=folder / "warehouse",
        tickers=tuple(f"S{number:04d}" for number in range(tickers)),
        yahoo={"base_url": base_url, "requests_per_second": 0},
    )
    pipe.send("count")
    before = pipe.recv()
    night = RunDriver(settings, evening, lambda line: None)
    night.open()
    wall, processor = time.perf_counter(), time.process_time()
    done = night.ingest()
    assert not done.failures, done.failures
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    night.resolve_universe(done)
    pipe.send("count")
    return Fetched(wall, processor, pipe.recv() - before)


def time_fetching(tickers: int, years: int, folder: Path) -> Table:
    """The first load and the increment of the night after it."""
    first = date(LAST.year - years, LAST.month, LAST.day)
    ours, theirs = multiprocessing.Pipe()
    vendor = multiprocessing.get_context("spawn").Process(target=serve, args=(tickers, first, theirs))
    vendor.start()
    base_url = ours.recv()
    table = Table(title=f"{tickers} tickers × {years} years from a loopback vendor, no rate limit")
    for heading in ("night", "seconds", "requests per ticker", "client CPU ms per ticker"):
        table.add_column(heading, justify="left" if heading == "night" else "right")
    try:
        for night, evening in (("first load", LAST), ("increment", NEXT), ("the same again", NEXT)):
            ours.send(evening)
            ours.recv()
            timed = fetch(base_url, folder, tickers, evening, ours)
            table.add_row(
                night,
                f"{timed.seconds:.1f}",
                f"{timed.requests / tickers:.2f}",
                f"{1000 * timed.processor / tickers:.1f}",
            )
    finally:
        ours.send(None)
        vendor.join()
    return table


FILL = """
INSERT INTO prices BY NAME
SELECT 'T' || lpad(ticker::VARCHAR, 4, '0') AS ticker, session,
    round(close * 0.997, 4) AS open, round(close * 1.01, 4) AS high, round(close * 0.99, 4) AS low,
    close, round(close * 0.8, 6) AS adj_close, 1e6 + hash(ticker, place) % 1000000 AS volume,
    0.0 AS dividend, 1.0 AS split, 'bench' AS source, TIMESTAMP '2024-01-01' AS fetched_at, 'bench' AS run_id
FROM (
    SELECT ticker, session, place,
        round(40 + 20 * sin(place / 90 + ticker) + hash(place, ticker) % 10000 / 10000, 4) AS close
    FROM range($tickers) AS t(ticker), (SELECT session, row_number() OVER () AS place FROM days)
)
ORDER BY ticker, session
"""


def nightly_rows(closes: np.ndarray, days: np.ndarray, night: int, overlap: int) -> pd.DataFrame:
    """What a vendor delivers for one night: the overlap again, and one new session."""
    span = days[night : night + overlap + 1]
    close = closes[:, night : night + overlap + 1]
    tickers = np.repeat([f"T{number:04d}" for number in range(len(closes))], len(span))
    flat = close.ravel()
    return pd.DataFrame(
        {
            "ticker": tickers,
            "session": np.tile(span.astype("datetime64[s]"), len(closes)),
            "open": flat,
            "high": flat,
            "low": flat,
            "close": flat,
            "adj_close": flat,
            "volume": 1e6,
            "dividend": 0.0,
            "split": 1.0,
        }
    )


def time_storing(tickers: int, sessions: int, nights: int, folder: Path) -> Table:
    """Nights of upserts into a warehouse of `tickers` × `sessions` rows."""
    warehouse = Warehouse(folder / "large")
    warehouse.migrate()
    days = exchange("XNYS").sessions(date(2000, 1, 3), NEXT)[-sessions - nights - 1 :]
    overlap = 12
    with warehouse.write() as connection:
        past = pd.DataFrame({"session": days[: sessions - overlap].astype("datetime64[s]")})
        connection.register("days", past)
        connection.execute(FILL, {"tickers": tickers})
    random = np.random.default_rng(0)
    walk = np.round(
        50 * np.exp(np.cumsum(random.normal(0, 0.01, (tickers, overlap + nights + 1)), axis=1)), 4
    )
    recent = days[sessions - overlap :]
    store(warehouse, nightly_rows(walk, recent, 0, overlap - 1))
    size = warehouse.database.stat().st_size
    spent = [store(warehouse, nightly_rows(walk, recent, night, overlap)) for night in range(nights)]
    grown = warehouse.database.stat().st_size
    begun = time.perf_counter()
    warehouse._publish()
    published = time.perf_counter() - begun
    table = Table(
        title=f"{nights} nights of {tickers} tickers into {tickers * sessions / 1e6:.1f} million rows"
    )
    for heading in ("median s", "slowest s", "of it the readers' copy s", "file MB", "growth"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{np.median(spent):.2f}",
        f"{np.max(spent):.2f}",
        f"{published:.2f}",
        f"{grown / 1e6:.0f}",
        f"{grown / size - 1:+.1%}",
    )
    return table


def store(warehouse: Warehouse, rows: pd.DataFrame) -> float:
    """Seconds that one night's upsert takes, the copy for readers included."""
    begun = time.perf_counter()
    store_prices(warehouse, rows, NOTHING, source="bench", run_id="bench", moment=datetime.now(UTC))
    return time.perf_counter() - begun


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=500)
    parser.add_argument("--years", type=int, default=20)
    parser.add_argument("--stored-tickers", type=int, default=3000)
    parser.add_argument("--stored-sessions", type=int, default=5000)
    parser.add_argument("--nights", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        Console().print(time_storing(asked.stored_tickers, asked.stored_sessions, asked.nights, Path(name)))
        Console().print(time_fetching(asked.tickers, asked.years, Path(name)))


if __name__ == "__main__":
    main()
