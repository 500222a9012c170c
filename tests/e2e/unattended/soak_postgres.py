"""The server on PostgreSQL, as docs/operations.md has it; only by `make soak`: it takes a package."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.served import PREFECT, PYTHON, Server

NO_POSTGRES = "this test needs PostgreSQL and found none; install it (Debian: apt-get install postgresql)"


class ServerOnPostgres(Server):
    """A server that keeps its runs in PostgreSQL."""

    database = ""

    def environment(self, **settings: str) -> dict[str, str]:
        return {
            **super().environment(**settings),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database,
        }


def programs_of_postgres() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.fail(NO_POSTGRES, pytrace=False)
    return found[-1].parent


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of PostgreSQL's own: those of pytest belong to who runs the tests."""
    with TemporaryDirectory(prefix="stockjax-postgres-") as name:
        yield Path(name)


@pytest.fixture
def database(folder: Path) -> Iterator[str]:
    """The address of an empty database that belongs to the role `prefect`."""
    programs = programs_of_postgres()
    # PostgreSQL refuses to run as root; its package makes a user for it.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def call(program: str, *arguments: str) -> None:
        subprocess.run([*user, programs / program, *arguments], cwd=folder, check=True, timeout=120)

    data = str(folder / "data")
    call("initdb", "--pgdata", data, "--auth", "trust", "--username", "postgres")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    call("pg_ctl", "--pgdata", data, "--log", str(folder / "log"), "--options", options, "--wait", "start")
    try:
        for command in (
            "CREATE ROLE prefect LOGIN PASSWORD 'change-me'",
            "CREATE DATABASE prefect OWNER prefect",
        ):
            call("psql", "-h", str(folder), "-p", str(port), "-U", "postgres", "-c", command)
        yield f"postgresql+asyncpg://prefect:change-me@127.0.0.1:{port}/prefect"
    finally:
        call("pg_ctl", "--pgdata", data, "--mode", "fast", "stop")


def test_a_night_is_recorded_in_postgresql(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ServerOnPostgres, "database", database)
    served = ServerOnPostgres(tmp_path)
    try:
        served.start()
        worker = served.begin("worker", PYTHON, "-m", "flows.worker")
        worker.wait_to_say("started!")
        watched = served.run(
            PREFECT, "deployment", "run", "forecast/daily", "--watch", "--watch-timeout", "200"
        )
        assert watched.returncode == 0, watched.stdout + watched.stderr
        completed = served.post("flow_runs/filter", flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}})
        assert [run["name"] for run in completed] == ["forecast 2013-03-01 · 5 tickers"]
        assert not list(served.home.glob("prefect.db*"))
        worker.kill()
    finally:
        served.end_everything()
