"""What a night costs in counts, which no machine changes, against the figures that were accepted last."""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
from limit import stages_of
from night_500 import write_prices
from rich.console import Console
from rich.table import Table

from stockjax.settings import Settings, load_settings
from stockjax.training.compilation import compilations
from stockjax.training.warm_up import compile_programs
from stockjax.warehouse import Warehouse, connection

ACCEPTED = Path(__file__).with_name("accepted.json")
TICKERS, SESSIONS = 30, 1200
TABLES = (
    "prices",
    "forecasts",
    "models",
    "model_changes",
    "rolling_metrics",
    "quarantine",
    "drift",
    "tickers",
)


@contextmanager
def counting(counts: Counter[str]) -> Generator[None]:
    """Count transactions, copies for readers, and the share of the database that each of them copies."""
    write, copy, read = Warehouse.write, connection.copy_file, Warehouse.read

    @contextmanager
    def counted_write(self: Warehouse) -> Generator[Any]:
        counts["transactions"] += 1
        with write(self) as opened:
            yield opened

    @contextmanager
    def counted_read(self: Warehouse) -> Generator[Any]:
        counts["reads of the writer's file"] += 1
        with read(self) as opened:
            yield opened

    def counted_copy(source: Path, target: Path) -> None:
        counts["copies of the database"] += 1
        copy(source, target)

    with (
        patch.object(Warehouse, "write", counted_write),
        patch.object(Warehouse, "read", counted_read),
        patch.object(connection, "copy_file", counted_copy),
    ):
        yield


def rows_of(settings: Settings) -> Counter[str]:
    """Rows of each table."""
    with duckdb.connect(settings.warehouse / "stockjax.duckdb", read_only=True) as opened:
        return Counter(
            {name: opened.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in TABLES}
        )


def measured(folder: Path) -> dict[str, int]:
    """The counts of a second night of a small universe."""
    path = folder / "prices.parquet"
    first, second = (day.item() for day in write_prices(path, TICKERS, SESSIONS))
    settings = load_settings(
        source="files",
        path=path,
        warehouse=folder / "warehouse",
        cache=folder / "cache",
        warmup={"sessions": 0},
        training={"base_steps": 50},
    )
    compile_programs(settings.training, settings.cache)
    stages_of(settings, first)
    rows, programs = rows_of(settings), compilations()
    files = sum(1 for each in settings.warehouse.rglob("*.safetensors") if each.is_file())
    counts: Counter[str] = Counter()
    with counting(counts):
        stages_of(settings, second)
    written = rows_of(settings)
    return {
        **counts,
        "programs compiled": compilations() - programs,
        "model files": sum(1 for each in settings.warehouse.rglob("*.safetensors") if each.is_file()) - files,
        **{f"rows added to {name}": written[name] - rows[name] for name in TABLES},
    }


def table(found: dict[str, int], accepted: dict[str, int]) -> Table:
    """What was counted, what was accepted, and what has moved."""
    made = Table(title=f"Counts of a second night of {TICKERS} tickers")
    for heading in ("what", "now", "accepted", "moved"):
        made.add_column(heading, justify="left" if heading == "what" else "right")
    for name in sorted({*found, *accepted}):
        now, before = found.get(name, 0), accepted.get(name, 0)
        made.add_row(name, str(now), str(before), f"{now - before:+d}" if now != before else "")
    return made


def main() -> None:
    """Print one table; exit with 1 where a count has moved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accept", action="store_true", help="keep what is counted now as accepted")
    asked = parser.parse_args()
    accepted = json.loads(ACCEPTED.read_text(encoding="utf-8")) if ACCEPTED.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        found = measured(Path(name))
    Console().print(table(found, accepted))
    if asked.accept:
        ACCEPTED.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    elif found != accepted:
        sys.exit(1)


if __name__ == "__main__":
    main()
