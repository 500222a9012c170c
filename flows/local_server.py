"""A Prefect API for a run in this process: the configured one, or one of its own."""

import atexit
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import IO

import httpx
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, get_current_settings, temporary_settings

from stockjax.errors import StockjaxError

START_TIMEOUT = 120.0
"""Seconds that a server of our own may take to answer."""

CONNECT_SECONDS = 2.0
SLOW_SECONDS = 30.0
"""A server that is not there refuses the connection; one that is busy takes it, and may answer late."""

_POLL_SECONDS = 0.05
_ERROR = re.compile(r"[\w.]+(?:Error|Exception|CommandError): ")
"""How the last line of a traceback begins."""


@contextmanager
def prefect_api() -> Generator[Callable[[], None]]:
    """Have an API to record a run with; yields a function that waits until it answers.

    A server that is configured and answers is used. Otherwise a temporary one is started on
    a loopback port, with the same database as `prefect server start` would use, so that a
    server started later shows the run. Prefect can start one by itself, but only after
    importing the whole server into this process first. Ours ends with this process, after
    Prefect's own threads have sent it what they still had to say.

    Raises
    ------
    StockjaxError
        Prefect cannot read its settings; from the function: the server ended, or did not answer in time.

    """
    configured = _configured_api()
    if configured and answers(configured):
        yield lambda: None
        return
    port = _free_port()
    api = f"http://127.0.0.1:{port}/api"
    messages = tempfile.TemporaryFile()  # noqa: SIM115  the server writes to it until this process ends
    server = _start(port, messages)
    atexit.register(_stop, server)
    try:
        with temporary_settings({PREFECT_API_URL: api}):
            yield lambda: _wait_until_healthy(server, api, messages)
    except BaseException:
        # There was no run, so that nothing is left to record.
        server.kill()
        raise


def _configured_api() -> str | None:
    try:
        configured: str | None = PREFECT_API_URL.value()
    except (ValueError, OSError) as error:
        home = os.environ.get("PREFECT_HOME") or "~/.prefect"
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise StockjaxError(
            f"Prefect cannot read its settings ({why}); correct profiles.toml in '{home}', or set "
            "PREFECT_HOME to another folder"
        ) from error
    return configured


def _start(port: int, messages: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        **get_current_settings().to_environment_variables(exclude_unset=True),
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_API_URL": "",
    }
    # Its standard input is a pipe from here: when this process dies, however it dies, the
    # pipe closes and the server ends too.
    return subprocess.Popen(
        [sys.executable, "-m", "flows.server_process", str(port)],
        env=environment,
        stdin=subprocess.PIPE,
        stderr=messages,
        start_new_session=True,
    )


def _wait_until_healthy(server: subprocess.Popen[bytes], api: str, messages: IO[bytes]) -> None:
    give_up = time.monotonic() + START_TIMEOUT
    while not answers(api):
        if server.poll() is not None or time.monotonic() > give_up:
            raise StockjaxError(
                f"the temporary Prefect server did not start ({_cause(messages)}); check "
                f"the database of Prefect in '{PREFECT_HOME.value()}', or set PREFECT_HOME to an empty folder"
            )
        time.sleep(_POLL_SECONDS)


def _cause(messages: IO[bytes]) -> str:
    """The last error of a traceback among the messages."""
    messages.seek(0)
    lines = messages.read().decode(errors="replace").splitlines()
    errors = [line.strip() for line in lines if _ERROR.match(line)]
    found = errors or [line.strip() for line in lines if line.strip()] or ["it wrote no message"]
    return found[-1][:200]


def answers(api: str) -> bool:
    """Whether a Prefect API is there and well; one that is busy is waited for."""
    try:
        asked = httpx.get(
            f"{api}/health",
            timeout=httpx.Timeout(SLOW_SECONDS, connect=CONNECT_SECONDS),
            # Without TLS there is no use in loading the certificates of all authorities, which takes 50 ms.
            verify=api.startswith("https:"),
        )
    except httpx.HTTPError:
        return False
    return asked.status_code == httpx.codes.OK


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.stdin:
        server.stdin.close()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
