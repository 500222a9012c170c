"""A Prefect server and a worker as `make server` and `make worker` start them, in a folder of their own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb
import httpx

from stockjax.settings import load_settings

ROOT = Path(__file__).parents[2]
STARTUP = Path(__file__).with_name("startup")
PYTHON = Path(sys.executable)
STOCKJAX, PREFECT = PYTHON.with_name("stockjax"), PYTHON.with_name("prefect")
SAMPLE = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
MODELS = ["ewma", "har", "lstm", "random_walk"]
BRIEF = {
    "STOCKJAX_TRAINING__HIDDEN": "4",
    "STOCKJAX_TRAINING__SEEDS": "1",
    "STOCKJAX_TRAINING__BASE_STEPS": "50",
    "STOCKJAX_WARMUP__SESSIONS": "5",
}
"""A night that takes seconds."""
PATIENCE = 240.0
"""Seconds that are waited for what takes a few on a machine that has nothing else to do."""

Found = TypeVar("Found")


def inherited() -> dict[str, str]:
    """The environment without anything that is said to Prefect or to us, of processes that start quickly."""
    ours = ("PREFECT_", "STOCKJAX_")
    others = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join(filter(None, [str(STARTUP), others.get("PYTHONPATH")]))
    return {**others, "PYTHONPATH": path}


def until(look: Callable[[], Found], what: str, timeout: float = PATIENCE, pause: float = 0.1) -> Found:
    """What `look` finds, as soon as it finds anything."""
    give_up = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < give_up, f"waited {timeout:g} s for {what}"
        time.sleep(pause)
    return found


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """What readers of a warehouse find; nothing before a run has written there."""
    if not (folder / "snapshot.duckdb").exists():
        return []
    with duckdb.connect(folder / "snapshot.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


class Background:
    """A process that goes on next to the test, with a group of its own and a log."""

    def __init__(self, arguments: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                arguments,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that it has printed, its line breaks undone."""
        return " ".join(self.log.read_text(encoding="utf-8", errors="replace").split())

    def wait_to_say(self, text: str) -> None:
        """Return once it has printed a text."""

        def has_said() -> bool:
            assert self.process.poll() in (None, 0), self.said
            return text in self.said

        until(has_said, f"'{text}' in {self.log}")

    def wait(self) -> int:
        """The exit code, once it has ended."""
        return self.process.wait(PATIENCE)

    def signal(self, what: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, what)

    def kill(self) -> None:
        """End the whole group, now."""
        self.signal(signal.SIGKILL)
        self.process.wait()


class Server:
    """A Prefect server, the commands that talk to it, and what its API says.

    Parameters
    ----------
    folder
        For its database, the logs and the warehouse of the deployment.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "prefect"
        self.warehouse = folder / "warehouse"
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._nothing = folder / "nothing.toml"
        self._nothing.touch()
        self._process: Background | None = None
        self._begun: list[Background] = []
        # To read the certificates of the world takes 25 ms, and none is needed on this machine.
        self._client = httpx.Client(base_url=f"{self.url}/api", verify=False, timeout=60)

    @property
    def log(self) -> str:
        """What the server has printed so far."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def environment(self, **settings: str) -> dict[str, str]:
        """That of the server, the worker and every run; `settings` over those of a brief night."""
        return {
            **inherited(),
            "DO_NOT_TRACK": "1",
            "COLUMNS": "160",
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_SERVER_API_PORT": str(self._port),
            # Not the one that a developer may have in the root.
            "STOCKJAX_CONFIG": str(self._nothing),
            "STOCKJAX_CACHE": str(load_settings().cache),
            "STOCKJAX_WAREHOUSE": str(self.warehouse),
            **BRIEF,
            **settings,
        }

    def start(self) -> None:
        """As `make server`; returns when it answers."""
        self._process = self.begin("server", PREFECT, "server", "start")
        until(self._answers, "an answer of the server")

    def stop(self) -> None:
        """Without a farewell."""
        if self._process:
            self._process.kill()

    def begin(self, log: str, *arguments: str | Path, **settings: str) -> Background:
        """Start a command and leave it to itself."""
        begun = Background(arguments, self.environment(**settings), self.folder / f"{log}.log")
        self._begun.append(begun)
        return begun

    def run(self, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Start a command and wait for its end."""
        return subprocess.run(
            arguments,
            cwd=ROOT,
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def get(self, path: str) -> Any:
        """An answer of the API."""
        return self._client.get(path).raise_for_status().json()

    def post(self, path: str, **asked: Any) -> Any:
        """An answer of the API to a filter, or what it has made; asked again while the server is too busy."""

        def lines() -> httpx.Response | None:
            answer = self._client.post(path, json=asked)
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

        return until(lines, f"an answer to {path}", timeout=60, pause=1).raise_for_status().json()

    def switch(self, name: str, active: bool) -> None:
        """Activate or deactivate the schedules of a deployment, as the UI does."""
        deployment = self.deployment(name)
        for schedule in deployment["schedules"]:
            path = f"deployments/{deployment['id']}/schedules/{schedule['id']}"
            self._client.patch(path, json={"active": active}).raise_for_status()

    def of_run(self, what: str, run_id: str) -> list[dict[str, Any]]:
        """Task runs, artifacts or logs of a flow run."""
        asked: dict[str, Any] = {what: {"flow_run_id": {"any_": [run_id]}}}
        found: list[dict[str, Any]] = self.post(f"{what}/filter", **asked)
        return found

    def at_work(self) -> list[dict[str, Any]]:
        """The runs of deployments that are under way: one that a test has killed stays so for the server."""
        found: list[dict[str, Any]] = self.post(
            "flow_runs/filter", flow_runs={"state": {"type": {"any_": ["RUNNING"]}}}
        )
        return [run for run in found if run["deployment_id"]]

    def ended(self, run_id: str) -> dict[str, Any] | None:
        """A run, if it has ended."""
        run: dict[str, Any] = self.get(f"flow_runs/{run_id}")
        return run if run["state_type"] in {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"} else None

    def deployment(self, name: str) -> dict[str, Any]:
        """A deployment by its name."""
        (found,) = [each for each in self.post("deployments/filter") if each["name"] == name]
        chosen: dict[str, Any] = found
        return chosen

    def begin_run(self, name: str) -> str:
        """Have a deployment run, at once; returns the run's id."""
        made = self.post(f"deployments/{self.deployment(name)['id']}/create_flow_run")
        return str(made["id"])

    def end_everything(self) -> None:
        """No process that was started here outlives the tests: runs of a worker have groups of their own."""
        self._client.close()
        for begun in self._begun:
            begun.kill()
        mark = f"PREFECT_HOME={self.home}".encode()

        def survivors() -> list[int]:
            found = []
            for place in Path("/proc").glob("[0-9]*/environ"):
                with contextlib.suppress(OSError):
                    if mark in place.read_bytes().split(b"\0"):
                        found.append(int(place.parent.name))
            return found

        def none_is_left() -> bool:
            left = survivors()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        until(none_is_left, "the end of all processes", timeout=30)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.process.poll() is None, self.log
        try:
            return self._client.get("health", timeout=5).is_success
        except httpx.HTTPError:
            return False


def process_of(run_id: str) -> int:
    """The process that a worker has started for a flow run."""
    mark = f"PREFECT__FLOW_RUN_ID={run_id}".encode()
    for place in sorted(Path("/proc").glob("[0-9]*/environ")):
        with contextlib.suppress(OSError):
            if mark in place.read_bytes().split(b"\0"):
                return int(place.parent.name)
    raise AssertionError(f"no process carries out the run {run_id}")


class Receiver:
    """A web hook on this machine: where alerts arrive."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/nights"

    def about(self, run_id: str) -> list[dict[str, str]]:
        """The messages that link to a run's page."""
        return [message for message in self.messages if run_id in message["body"]]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
