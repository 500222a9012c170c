"""A disk that fills up under a run; only by `make soak`: it mounts a small one."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.served import MODELS, SAMPLE, STOCKJAX, Server, rows

NOT_ROOT = "this test mounts a small disk, which only root may: run it as root"
Resize = Callable[[int], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Resize]]:
    """A file system of so many megabytes, in memory, and how to make it larger."""
    if os.geteuid():
        pytest.fail(NOT_ROOT, pytrace=False)
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def resize(megabytes: int) -> None:
        nonlocal mounted
        options = f"size={megabytes}m" + (",remount" if mounted else "")
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
        mounted = True

    yield place, resize
    subprocess.run(["umount", place], check=mounted)


@pytest.mark.parametrize("megabytes", [1, 4, 8, 11])
def test_a_run_that_found_the_disk_full_is_completed_once_there_is_room(
    server: Server, disk: tuple[Path, Resize], megabytes: int
) -> None:
    place, resize = disk
    here = {"STOCKJAX_WAREHOUSE": str(place / "warehouse"), "STOCKJAX_WARMUP__SESSIONS": "20"}
    resize(megabytes)
    failed = server.run(STOCKJAX, "run", **here)
    assert failed.returncode == 1, failed.stdout
    said = failed.stderr.strip().splitlines()[-1]
    assert said.startswith("stockjax: "), said
    assert "space" in said, said
    before = rows(place / "warehouse", "FROM forecasts") if _readable(place) else []
    resize(400)
    again = server.run(STOCKJAX, "run", **here)
    assert again.returncode == 0, again.stdout + again.stderr
    after = rows(place / "warehouse", "FROM forecasts")
    assert set(before) <= set(after)
    keys = "SELECT count(*), count(DISTINCT (ticker, as_of, model, origin)) FROM forecasts"
    assert rows(place / "warehouse", keys) == [(len(after), len(after))]
    tonight = "SELECT ticker, model FROM latest_forecasts ORDER BY ALL"
    assert rows(place / "warehouse", tonight) == [(ticker, model) for ticker in SAMPLE for model in MODELS]
    assert not list((place / "warehouse").rglob("*.unfinished"))


def _readable(place: Path) -> bool:
    """Whether there is a copy for readers that has the table."""
    folder = place / "warehouse"
    return bool(rows(folder, "FROM duckdb_tables() WHERE table_name = 'forecasts'"))
