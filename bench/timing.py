"""Running the command line as a user does, and measuring the whole process."""

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timed:
    """Wall seconds and the largest memory of one process, in GB."""

    seconds: float
    memory: float


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
    """Run any program the same way; the memory is the largest of all that were run so far."""
    before = time.perf_counter()
    with (folder / "log.txt").open("a") as log:
        subprocess.run(command, env=environment, stdout=log, stderr=log, check=True)
    seconds = time.perf_counter() - before
    return Timed(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6)
