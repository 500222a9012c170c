"""Time the main job on the embedded sample: cold, warm, and a second time."""

import shutil
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from timing import run_stockjax


def main() -> None:
    """Print one line per case."""
    table = Table(title="stockjax run, five tickers, 126 sessions replayed")
    for heading in ("case", "seconds", "peak GB"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [
            ("nothing compiled before", True),
            ("fresh warehouse, programs compiled before", True),
            ("the same night again", False),
        ]
        for case, fresh in cases:
            if fresh:
                shutil.rmtree(folder / "warehouse", ignore_errors=True)
            timed = run_stockjax(["run"], folder)
            table.add_row(case, f"{timed.seconds:.1f}", f"{timed.memory:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
