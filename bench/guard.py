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
from limit import prepared, stages_of
from rich.console import Console
from rich.table import Table

from stockjax.settings import Settings
from stockjax.training.compilation import compilations
from stockjax.warehouse import Warehouse, readers_copy

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
    """Count transactions, reads and openings of the writer's file, and copies for readers."""
    write, copy, read = Warehouse.write, readers_copy.copy_file, Warehouse.read
    attach = Warehouse._attach_database

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

    def counted_attach(*asked: Any) -> None:
        counts["openings of the writer's file"] += 1
        attach(*asked)

    with (
        patch.object(Warehouse, "_attach_database", counted_attach),
        patch.object(Warehouse, "write", counted_write),
        patch.object(Warehouse, "read", counted_read),
        patch.object(readers_copy, "copy_file", counted_copy),
    ):
        yield


def rows_of(settings: Settings) -> Counter[str]:
    """Rows of each table."""
    with duckdb.connect(settings.warehouse / "stockjax.duckdb", read_only=True) as opened:
        return Counter(
            {name: opened.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in TABLES}
        )


def model_files(settings: Settings) -> int:
    """How many files of models there are."""
    return len(list(settings.warehouse.rglob("*.safetensors")))


def measured(folder: Path) -> dict[str, int]:
    """The counts of a second night of a small universe."""
    settings, first, second = prepared(folder, TICKERS, SESSIONS, base_steps=50)
    stages_of(settings, first)
    rows, programs = rows_of(settings), compilations()
    files = model_files(settings)
    counts: Counter[str] = Counter()
    with counting(counts):
        stages_of(settings, second)
    written = rows_of(settings)
    return {
        **counts,
        "programs compiled": compilations() - programs,
        "model files": model_files(settings) - files,
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
