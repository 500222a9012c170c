"""Running the command line as a user does, and measuring the whole process."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timed:
    """Of one process: wall seconds, its largest memory and what went to the file system, both in GB."""

    seconds: float
    memory: float
    written: float


def run_stockjax(arguments: list[str], folder: Path, **settings: str) -> Timed:
    """Run `stockjax` with settings from the environment; its output goes to a log in `folder`."""
    command = [str(Path(sys.executable).with_name("stockjax")), *arguments]
    return run_command(command, folder, environment_in(folder, **settings))


def environment_in(folder: Path, **settings: str) -> dict[str, str]:
    """The environment under which everything that is written lies in `folder`."""
    return {
        **os.environ,
        "PREFECT_HOME": str(folder / "prefect"),
        "STOCKJAX_WAREHOUSE": str(folder / "warehouse"),
        "STOCKJAX_CACHE": str(folder / "cache"),
        **settings,
    }


def run_command(command: list[str], folder: Path, environment: dict[str, str]) -> Timed:
    """Run any program the same way, and ask the system what that one process has used."""
    before = time.perf_counter()
    with (folder / "log.txt").open("a") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} failed:\n{(folder / 'log.txt').read_text()[-2000:]}")
    return Timed(time.perf_counter() - before, used.ru_maxrss / 1e6, used.ru_oublock * 512 / 1e9)
