"""Time a first and a second night of many synthetic tickers."""

import argparse
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from timing import run_stockjax

from stockjax.sessions import exchange
from stockjax.sources.sample import SampleSource

BLOCK = 20


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
        prices = synthetic_prices(asked.tickers, asked.sessions)
        days = sorted(prices["date"].unique())
        prices.to_parquet(folder / "prices.parquet", index=False)
        run_stockjax(["run"], folder, STOCKJAX_WAREHOUSE=str(folder / "warm"))
        for night, day in (("first: everything is loaded, no replay", -2), ("second", -1)):
            arguments = ["run", "--source", "files", "--path", str(folder / "prices.parquet")]
            arguments += ["--as-of", str(np.datetime64(days[day], "D"))]
            timed = run_stockjax(arguments, folder, STOCKJAX_REPLAY__SESSIONS="0")
            table.add_row(night, f"{timed.seconds:.1f}", f"{timed.memory:.2f}")
        size = (folder / "warehouse" / "stockjax.duckdb").stat().st_size / 1e6
        models = (
            sum(file.stat().st_size for file in (folder / "warehouse" / "models").rglob("*.safetensors"))
            / 1e6
        )
        table.caption = f"database {size:.0f} MB, models of two nights {models:.0f} MB"
        Console().print(table)


if __name__ == "__main__":
    main()
